internal import ArgumentParser
internal import Foundation
internal import ProxyConfiguration

struct Query: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run statements through a server, and print their rows as tables.",
        discussion: """
            The last line says where the answer came from, how old it is, how long it will be kept, and how long it took to \
            come. Without a statement and without --file, statements are read from standard input, or at a prompt if that is a \
            terminal (\\? helps there; its history is kept in ~/.cistern_history). The first statement that fails ends it \
            with status 1.
            """
    )

    @OptionGroup var options: ServerOptions
    @OptionGroup var statement: StatementOptions

    func run() async throws {
        if statement.sql == nil && statement.file == nil && isatty(STDIN_FILENO) == 1 {
            return try await prompt()
        }
        let statements = try statements()
        try await options.run { connection in
            for sql in statements {
                let start = ContinuousClock.now
                let text = try await connection.ask(statement.request("query", sql))
                let time = start.duration(to: .now)
                if options.json { StandardOutput.line(text) }
                let answer = try Answer(text)
                if !options.json { StandardOutput.write(ResultText(answer, paint: options.paint).text(time: time)) }
            }
        }
    }

    private func statements() throws -> [String] {
        if let sql = statement.sql { return [sql] }
        let text: String
        if let file = statement.file, file != "-" {
            guard let data = FileManager.default.contents(atPath: file) else {
                complain("\(file) cannot be read")
                throw ExitCode.noInput
            }
            text = String(decoding: data, as: UTF8.self)
        } else {
            text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        }
        return StatementScanner.statements(in: text)
    }

    private func prompt() async throws {
        let environment = ProxyConfiguration.processEnvironment
        try await reporting {
            let connection = try await ServerConnection.open(try options.address)
            let editor = LineEditor(history: PromptHistory.path(environment: environment))
            var prompt = Prompt(
                connection: connection,
                options: statement,
                paint: options.paint,
                isJSON: options.json,
                editor: editor
            )
            await prompt.run()
        }
    }
}

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show whether a statement would be cached, under what, and where its entry is now.",
        discussion: "Runs nothing: PostgreSQL is only asked to plan a statement that the server does not know yet."
    )

    @OptionGroup var options: ServerOptions
    @OptionGroup var statement: StatementOptions

    func validate() throws {
        if statement.sql == nil { throw ValidationError("name a statement") }
        if statement.file != nil { throw ValidationError("explain takes one statement, and no --file") }
    }

    func run() async throws {
        try await options.run(asking: statement.request("explain", statement.sql ?? "")) { answer in
            StandardOutput.write(ExplanationText.text(of: answer))
        }
    }
}

/// The answer to `explain`, one fact a line.
enum ExplanationText {
    static func text(of answer: Answer) -> String {
        answer.members.filter { $0.key != "ok" }.map { "\($0.key): \($0.value.plainText)\n" }.joined()
    }
}
