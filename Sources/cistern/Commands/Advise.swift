internal import ArgumentParser
internal import JSONText
internal import ProxyConfiguration

struct Advise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what would make a server's cache better, with the figures that say so.",
        discussion: "Asks the server's HTTP port. Each piece of advice names the line of proxy.conf to change."
    )

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Print the server's answer as it came.")
    var json = false

    func run() async throws {
        let environment = ProxyConfiguration.processEnvironment
        try await reporting {
            let (text, value) = try await admin.client(environment: environment).json("/api/v1/advice")
            if json { return StandardOutput.line(text) }
            let paint = Paint(isTerminal: StandardOutput.isTerminal, environment: environment)
            StandardOutput.write(AdviceText(value, paint: paint).text)
        }
    }
}

/// The answer of `/api/v1/advice`, for people.
struct AdviceText {
    private let value: JSONValue
    private let paint: Paint

    init(_ value: JSONValue, paint: Paint = .none) {
        self.value = value
        self.paint = paint
    }

    var text: String {
        let findings = value["findings"]?.array ?? []
        var blocks = findings.map(finding)
        if findings.isEmpty { blocks.append("There is nothing to advise.\n") }
        let missing = value["not_available"]?.array ?? []
        blocks += missing.map { item in
            paint(.dim, "not looked at: \(Self.plain(item["what"])) (\(Self.plain(item["why"])))") + "\n"
        }
        return blocks.joined(separator: "\n")
    }

    private func finding(_ finding: JSONValue) -> String {
        var text = paint(.bold, Self.plain(finding["subject"])) + ": \(Self.plain(finding["message"]))\n"
        if case .object(let figures) = finding["figures"], !figures.isEmpty {
            let list = figures.map { "\($0.key) \($0.value.plainText)" }.joined(separator: ", ")
            text += "  figures: \(TopFrame.cut(list, 1000))\n"
        }
        if let change = finding["change"] {
            text += "  change in \(Self.plain(change["in"])): \(paint(.green, Self.plain(change["text"])))\n"
        }
        return text
    }

    /// Whatever a statement or a key holds, it stays one line.
    private static func plain(_ value: JSONValue?) -> String {
        TopFrame.cut((value?.plainText ?? "").replacing("\n", with: " "), 2000)
    }
}
