internal import ArgumentParser
internal import CisternClient
internal import JSONText
internal import NIOCore

struct Query: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a statement through a server, and print its rows as a table.",
        discussion: "The last line says where the answer came from and how long it took."
    )

    @OptionGroup var options: ServerOptions
    @OptionGroup var statement: StatementOptions

    @Flag(help: "Print the server's answer as it came.")
    var json = false

    func run() async throws {
        let line = try statement.request("query")
        let (text, time) = try await options.withConnection { connection in
            let start = ContinuousClock.now
            let answer = try await connection.send(line)
            return (String(buffer: answer), start.duration(to: .now))
        }
        let answer = try Answer(text)
        if json { return print(text) }
        print(ResultTable(answer).text(time: time), terminator: "")
    }
}

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show whether a statement would be cached, under what, and where its entry is now."
    )

    @OptionGroup var options: ServerOptions
    @OptionGroup var statement: StatementOptions

    @Flag(help: "Print the server's answer as it came.")
    var json = false

    func run() async throws {
        let line = try statement.request("explain")
        let text = String(buffer: try await options.withConnection { try await $0.send(line) })
        let answer = try Answer(text)
        if json { return print(text) }
        for (name, value) in answer.members where name != "ok" { print("\(name): \(value.plainText)") }
    }
}
