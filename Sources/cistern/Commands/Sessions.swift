internal import ArgumentParser
internal import JSONText

struct Sessions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, show and end users' sessions.",
        discussion: "Whoever has a session's id is that user, so ids are shortened unless --full asks for them.",
        subcommands: [List.self, Show.self, Delete.self, DeleteUser.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A user's live sessions.")

        @OptionGroup var options: ServerOptions

        @Argument(help: "The user's id.")
        var user: String

        @Flag(help: "Show ids as a whole.")
        var full = false

        func run() async throws {
            try await options.run(asking: Sessions.request("session.list", [("user_id", .string(user))])) { answer in
                StandardOutput.write(SessionText.list(answer.value["sessions"]?.array ?? [], isFull: full))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One session: whose it is, its times, its data.")

        @OptionGroup var options: ServerOptions

        @Argument(help: "The session's id.")
        var id: String

        func run() async throws {
            try await options.run(asking: Sessions.request("session.get", [("session_id", .string(id))])) { answer in
                guard answer.value["found"]?.bool == true, let session = answer.value["session"] else {
                    throw CommandFailure("there is no such session: it ended, or never was")
                }
                StandardOutput.write(SessionText.one(session))
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End one session.")

        @OptionGroup var options: ServerOptions

        @Argument(help: "The session's id.")
        var id: String

        func run() async throws {
            try await options.run(asking: Sessions.request("session.delete", [("session_id", .string(id))])) { answer in
                guard answer.value["deleted"]?.bool == true else {
                    throw CommandFailure("there was no such session")
                }
                StandardOutput.line("ended")
            }
        }
    }

    struct DeleteUser: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete-user",
            abstract: "End all sessions of a user."
        )

        @OptionGroup var options: ServerOptions

        @Argument(help: "The user's id.")
        var user: String

        func run() async throws {
            let line = Sessions.request("session.delete_user", [("user_id", .string(user))])
            try await options.run(asking: line) { answer in
                let count = answer.value["deleted"]?.int ?? 0
                StandardOutput.line("ended \(count) \(count == 1 ? "session" : "sessions")")
            }
        }
    }

    private static func request(_ operation: String, _ members: [(key: String, value: JSONValue)]) -> String {
        JSONValue.object([("op", .string(operation))] + members).jsonText
    }
}

enum SessionText {
    /// Characters of an id that tell sessions apart and are of no use to a thief.
    private static let shownCharacters = 8

    static func list(_ sessions: [JSONValue], isFull: Bool) -> String {
        if sessions.isEmpty { return "no sessions\n" }
        let times = ["created_at", "last_seen_at", "expires_at"]
        let rows = sessions.map { session in
            [id(session["session_id"]?.string ?? "", isFull: isFull), session["kind"]?.string ?? ""]
                + times.map { session[$0]?.plainText ?? "" }
        }
        let columns = ["session", "kind", "created", "last seen", "expires"].map { TextTable.Column(name: $0) }
        let count = "(\(sessions.count) \(sessions.count == 1 ? "session" : "sessions"))\n"
        return TextTable(columns, rows).text + count
    }

    static func one(_ session: JSONValue) -> String {
        guard case .object(let members) = session else { return "" }
        return members.filter { $0.key != "session_id" }.map { "\($0.key): \($0.value.plainText)\n" }.joined()
    }

    static func id(_ text: String, isFull: Bool) -> String {
        isFull || text.count <= shownCharacters ? text : "\(text.prefix(shownCharacters))…"
    }
}
