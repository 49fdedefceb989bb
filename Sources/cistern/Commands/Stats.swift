internal import ArgumentParser
internal import CisternClient
internal import JSONText

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a server's counters and sizes.")

    @OptionGroup var options: ServerOptions

    @Flag(help: "Print the server's answer as it came.")
    var json = false

    func run() async throws {
        let text = try await options.withConnection { try await $0.send("STATS") }
        if json { return print(text) }
        let answer = try Answer(text)
        for (name, value) in answer.members where name != "ok" { show(name, value) }
    }

    /// One figure a line, with the names of the objects that it stands in before it.
    private func show(_ name: String, _ value: JSONValue) {
        guard case .object(let members) = value else { return print("\(name): \(value.plainText)") }
        for member in members { show("\(name).\(member.key)", member.value) }
    }
}
