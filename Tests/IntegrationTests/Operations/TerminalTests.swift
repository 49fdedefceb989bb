import Foundation
import ProcessSupport
import Testing

@Suite("At a terminal: the prompt, and top")
struct TerminalTests {
    private static func start(_ arguments: [String], at proxy: CisternProcess, in site: Site) throws -> TerminalProcess
    {
        try TerminalProcess(
            try CisternProcess.program,
            arguments,
            environment: [
                "TERM": "xterm", "LC_ALL": "C.UTF-8", "CISTERN_ADDRESS": "127.0.0.1:\(proxy.port)",
                "CISTERN_HISTORY": site.folder.appending(path: "history").path,
            ]
        )
    }

    @Test("Statements of several lines, their history, Ctrl-C and Ctrl-D")
    func prompt() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let first = try Self.start(["query"], at: proxy, in: site)
            #expect(try await first.type("", until: "cistern=> "))
            #expect(try await first.type("SELECT 'é' AS x,\n", until: "cistern-> "))
            #expect(try await first.type("2 AS y;\n", until: " é | 2"))
            #expect(try await first.type("SELECT nope;\n", until: "sql_error"))
            // Given up at the prompt: what was typed is not part of the next statement.
            #expect(try await first.type("SELECT 'never", until: "never"))
            #expect(try await first.type("\u{3}", until: "^C"))
            #expect(try await first.type("SELECT 3 AS three;\n", until: "     3\r\n(1 row)"), "\(first.text)")
            // Given up while it runs: PostgreSQL stops, and the next statement works.
            #expect(try await first.type("SELECT pg_sleep(30);\n", until: "pg_sleep"))
            let isRunning = try await eventually(within: .seconds(5)) {
                try await site.database.value(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = '\(site.name)' AND query LIKE '%pg_sleep(30)%' AND state = 'active'
                    """
                ) == "1"
            }
            #expect(isRunning)
            #expect(try await first.type("\u{3}", until: "given up"), "\(first.text)")
            let isCancelled = try await eventually(within: .seconds(5)) {
                try await site.database.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(site.name)' AND state = 'active'"
                ) == "0"
            }
            #expect(isCancelled)
            #expect(try await first.type("SELECT 4 AS four;\n", until: " four "), "\(first.text)")
            // Before the prompt is there, Ctrl-D would be the terminal's.
            #expect(try await eventually(within: .seconds(10)) { first.text.hasSuffix("cistern=> ") }, "\(first.text)")
            #expect(try await first.type("\u{4}", until: "\\q"))
            #expect(try await first.waitForEnd() == .exited(0))
            #expect(first.isInLineMode)

            // The history outlives the process, and is nobody else's to read.
            let history = site.folder.appending(path: "history").path
            let mode = try FileManager.default.attributesOfItem(atPath: history)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let second = try Self.start(["query"], at: proxy, in: site)
            #expect(try await second.type("", until: "cistern=> "))
            #expect(try await second.type("\u{1B}[A\n", until: "four"), "\(second.text)")
            #expect(try await second.type("\\q\n", until: "\\q"))
            #expect(try await second.waitForEnd() == .exited(0))
        }
    }

    @Test("A server that goes away is said; the prompt stays, and finds it again")
    func serverGone() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let terminal = try Self.start(["query"], at: proxy, in: site)
            #expect(try await terminal.type("SELECT 1;\n", until: "(1 row)"))
            await proxy.process.killNow()
            #expect(try await terminal.type("SELECT 2;\n", until: "closed the connection"), "\(terminal.text)")
            #expect(try await terminal.type("SELECT 3;\n", until: "nothing listens"), "\(terminal.text)")
            let again = try await site.proxy(["CISTERN_LISTEN_LINE": "127.0.0.1:\(proxy.port)"])
            #expect(again.port == proxy.port)
            let isBack = try await eventually(within: .seconds(10)) {
                try await terminal.type("SELECT 77;\n", until: " 77", within: .seconds(1))
            }
            #expect(isBack, "\(terminal.text)")
            terminal.send(signal: SIGKILL)
            _ = try await terminal.waitForEnd()
        }
    }

    @Test(
        "top shows live figures, takes keys, and gives the terminal back, also when it is told to end",
        arguments: [
            "q", "\u{3}", "SIGTERM",
        ]
    )
    func top(end: String) async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            let terminal = try Self.start(["top", "--interval", "0.2"], at: proxy, in: site)
            #expect(try await terminal.type("", until: "answers/s"))
            _ = try await client.query("SELECT 1")
            #expect(try await terminal.type("", until: "default"), "\(terminal.text)")
            #expect(try await terminal.type("s", until: "sorts by name"))
            #expect(!terminal.isInLineMode)
            if end == "SIGTERM" {
                terminal.send(signal: SIGTERM)
            } else {
                _ = try await terminal.type(end, until: "\u{1B}[?1049l")
            }
            #expect(try await terminal.waitForEnd() == .exited(0), "\(terminal.text)")
            #expect(terminal.isInLineMode)
            #expect(terminal.text.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
        }
    }

    @Test("top goes on when the server is away, and says so")
    func topWithoutServer() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let terminal = try Self.start(["top", "--interval", "0.2"], at: proxy, in: site)
            #expect(try await terminal.type("", until: "answers/s"))
            await proxy.process.killNow()
            #expect(try await terminal.type("", until: "nothing listens"), "\(terminal.text)")
            #expect(try await terminal.type("q", until: "\u{1B}[?1049l"))
            #expect(try await terminal.waitForEnd() == .exited(0))
        }
    }
}
