internal import ArgumentParser
internal import JSONText

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a server's counters and sizes.",
        discussion: "One figure a line, for grep; with --json as one object. `cistern top` shows them live."
    )

    @OptionGroup var options: ServerOptions

    func run() async throws {
        try await options.run(asking: #"{"op":"stats"}"#) { answer in
            StandardOutput.write(StatisticsText.text(of: answer))
        }
    }
}

/// One figure a line, with the names of the objects that it stands in before it.
enum StatisticsText {
    static func text(of answer: Answer) -> String {
        answer.members.filter { $0.key != "ok" }.map { text($0.key, $0.value) }.joined()
    }

    private static func text(_ name: String, _ value: JSONValue) -> String {
        guard case .object(let members) = value else { return "\(name): \(value.plainText)\n" }
        return members.map { text("\(name).\($0.key)", $0.value) }.joined()
    }
}
