import Foundation
import JSONText
import Testing

@Suite("The command line: tables, exit statuses, words for a tired person")
struct CommandLineTests {
    /// Runs a command; what it prints on both outputs, and how it ended.
    private static func run(
        _ arguments: [String],
        at proxy: CisternProcess? = nil,
        in site: Site,
        _ variables: [String: String] = [:]
    ) async throws -> (text: String, end: ChildProcess.End) {
        var variables = variables
        if let proxy { variables["CISTERN_ADDRESS"] = "127.0.0.1:\(proxy.port)" }
        let file = site.folder.appending(path: "command-\(UUID().uuidString)")
        let process = try CisternProcess.launch(arguments, variables, logFile: file)
        let end = try await process.waitForEnd()
        return (process.log, end)
    }

    private static func shell(_ line: String, at proxy: CisternProcess, in site: Site) async throws -> String {
        let file = site.folder.appending(path: "shell-\(UUID().uuidString)")
        let process = try ChildProcess(
            "/bin/bash",
            ["-c", line],
            environment: [
                "PATH": "/usr/bin:/bin", "CISTERN": try CisternProcess.program,
                "CISTERN_ADDRESS": "127.0.0.1:\(proxy.port)",
            ],
            logFile: file
        )
        _ = try await process.waitForEnd()
        return process.log
    }

    @Test("A table is printed as psql prints it")
    func likePsql() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let programs = try #require(ProcessInfo.processInfo.environment["CISTERN_TEST_PG_BIN"])
            let statements = [
                "SELECT 1 AS id, 'añb' AS name, 1.50 AS n",
                "SELECT * FROM (VALUES (1, E'two\\nlines', NULL), (22, '日本語', -3.25), (3, '', 0)) AS v (id, name, n)",
                "SELECT E'a\\nb\\nc' AS \"x\", 1 AS \"long name\", E'd\\ne' AS y",
                "SELECT E'tab\\tx\\r' AS t, U&'\\0085e\\0301' AS u",
                "SELECT 1 AS a WHERE false",
                "SELECT '😀' AS smile, 'ﾊﾝ' AS half, E'\\x1b[2J' AS escape",
            ]
            for statement in statements {
                let ours = try await Self.run(["query", statement], at: proxy, in: site)
                let file = site.folder.appending(path: "psql-\(UUID().uuidString)")
                let psql = try ChildProcess(
                    "\(programs)/psql",
                    ["-X", "-P", "null=NULL", site.postgresURL, "-c", statement],
                    environment: ["LC_ALL": "C.UTF-8"],
                    logFile: file
                )
                #expect(try await psql.waitForEnd() == .exited(0), "\(psql.log)")
                // psql ends with an empty line, we with where the answer came from.
                let ourTable = ours.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(2)
                let theirs = psql.log.split(separator: "\n", omittingEmptySubsequences: false).dropLast(2)
                #expect(ourTable.joined(separator: "\n") == theirs.joined(separator: "\n"), "\(statement)")
            }
        }
    }

    @Test("Each way to end has its status")
    func exitStatuses() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let cases: [([String], Int32, String)] = [
                (["ping"], 0, "answered in"),
                (["query", "SELECT 1"], 0, "(1 row)\n(miss"),
                (["query", "SELECT nope"], 1, "sql_error: column \"nope\" does not exist"),
                (["query", "--params", "nope", "SELECT 1"], 64, "--params must be a JSON array"),
                (["query", "--ttl=-1", "SELECT 1"], 64, "--ttl must be"),
                (["query", "--connect", "nonsense", "SELECT 1"], 64, ""),
                (["query", "--file", "/nowhere"], 66, "cannot be read"),
                (["query", "--connect", "127.0.0.1:1", "SELECT 1"], 69, "nothing listens at 127.0.0.1:1"),
                (["query", "--connect", "no.such.host.invalid:1", "SELECT 1"], 69, "is not known"),
                (["advise", "--http", "127.0.0.1:1"], 69, "listen.http"),
                (["advise", "--http", "127.0.0.1:\(proxy.port)"], 76, "does not speak HTTP"),
                (["top"], 64, "--once"),
                (["frobnicate"], 64, ""),
                (["invalidate"], 64, "name what to drop"),
                (["explain"], 64, "name a statement"),
                (["check", "/nowhere"], 78, "/nowhere"),
                (["--help"], 0, "Exit status"),
                (["top", "--once", "--interval", "0.2"], 0, "answers/s"),
                (["stats"], 0, "answers.total:"),
            ]
            for (arguments, status, text) in cases {
                let result = try await Self.run(arguments, at: proxy, in: site)
                #expect(result.end == .exited(status), "\(arguments): \(result.text)")
                #expect(text.isEmpty || result.text.contains(text), "\(arguments): \(result.text)")
            }
            let bad = try await Self.run(["ping"], in: site, ["CISTERN_ADDRESS": "nonsense"])
            #expect(bad.end == .exited(64))
            #expect(bad.text.contains("CISTERN_ADDRESS must be host:port"))
        }
    }

    @Test("--json prints the answer as it came, also an error's, with the same status")
    func json() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let commands = [
                ["ping"], ["stats"], ["query", "SELECT 1"], ["explain", "SELECT 1"], ["invalidate", "--all"],
                ["top", "--once"], ["check"],
            ]
            for command in commands {
                let result = try await Self.run(command + ["--json"], at: proxy, in: site)
                let lines = result.text.split(separator: "\n")
                #expect(result.end == .exited(0) && lines.count == 1, "\(command): \(result.text)")
                #expect(try Answer(String(lines.first ?? "")).isOK, "\(command)")
            }
            let refused = try await Self.run(["query", "--json", "SELECT nope"], at: proxy, in: site)
            #expect(refused.end == .exited(1))
            #expect(try Answer(String(refused.text.split(separator: "\n").first ?? "")).code == "sql_error")
            let wrong = try await Self.run(["check", "--json"], in: site, ["CISTERN_CACHE_MEMORY": "lots"])
            #expect(wrong.end == .exited(78))
            #expect(try Answer(wrong.text.split(separator: "\n").map(String.init)[0]).json["errors"]?.array?.count == 1)
        }
    }

    @Test("Parameters, files and standard input; a reader that goes away and a disk that is full")
    func inputAndOutput() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy()
            let query = #""$CISTERN" query --json "#
            let one = try await Self.shell(
                query + #"'SELECT $1::int, $2::text' --params '[7,null]'"#,
                at: proxy,
                in: site
            )
            #expect(one.contains(#""rows":[[7,null]]"#), "\(one)")
            let texts = try await Self.shell(query + #"'SELECT $1::int, $2::text' -p 7 -p "a b""#, at: proxy, in: site)
            #expect(texts.contains(#""rows":[[7,"a b"]]"#), "\(texts)")
            let piped = try await Self.shell(
                "printf 'SELECT 1;\\nSELECT $$;$$; SELECT nope; SELECT 4' | " + query + "; echo $?",
                at: proxy,
                in: site
            )
            #expect(piped.contains(#"[[1]]"#) && piped.contains(#"[[";"]]"#) && piped.hasSuffix("\n1\n"), "\(piped)")
            #expect(!piped.contains("[[4]]"))
            let file = site.folder.appending(path: "some.sql")
            try "-- nothing\nSELECT 5;\nSELECT 6".write(to: file, atomically: true, encoding: .utf8)
            let read = try await Self.shell(query + "--file '\(file.path)'", at: proxy, in: site)
            #expect(read.contains("[[5]]") && read.contains("[[6]]"), "\(read)")
            let cut = try await Self.shell(
                #""$CISTERN" query 'SELECT generate_series(1, 200000)' | head -1; echo "${PIPESTATUS[@]}""#,
                at: proxy,
                in: site
            )
            #expect(cut.hasSuffix("\n0 0\n"), "\(cut)")
            let full = try await Self.shell(#""$CISTERN" query 'SELECT 1' >/dev/full; echo $?"#, at: proxy, in: site)
            #expect(full.contains("cannot write") && full.hasSuffix("74\n"), "\(full)")
        }
    }

    @Test("Completions are generated, and bash takes them")
    func completions() async throws {
        try await Site.open(redis: .none) { site in
            for shell in ["bash", "zsh", "fish"] {
                let result = try await Self.run(["--generate-completion-script", shell], in: site)
                #expect(result.end == .exited(0))
                for command in ["query", "explain", "invalidate", "advise", "sessions", "check"] {
                    #expect(result.text.contains(command), "\(shell): \(command)")
                }
                if shell == "bash" {
                    let file = site.folder.appending(path: "completions")
                    try result.text.write(to: file, atomically: true, encoding: .utf8)
                    try await ChildProcess.run("/bin/bash", ["-n", file.path])
                }
            }
        }
    }

    @Test("check tells what libpq and the Redis client would not understand, beside everything else, without secrets")
    func connectionStrings() async throws {
        try await Site.open(redis: .none) { site in
            let file = site.folder.appending(path: "bad.conf")
            try """
            [postgres]
            url = "host=h password=geheim word sslmod=require"
            [redis]
            url = "redis://:geheim@h:99999"
            [cache]
            memory = "lots"
            """.write(to: file, atomically: true, encoding: .utf8)
            let result = try await Self.run(["check", file.path], in: site)
            #expect(result.end == .exited(78))
            let lines = result.text.split(separator: "\n")
            #expect(lines.count == 3, "\(result.text)")
            #expect(lines.contains { $0.contains("bad.conf:2:1: postgres.url: is no libpq connection string") })
            #expect(lines.contains { $0.contains("bad.conf:4:1: redis.url: is no Redis URL: the port") })
            #expect(!result.text.contains("geheim") && !result.text.contains("word\""), "\(result.text)")
            for (url, text) in [
                ("host=h port=0", "the port must be"), ("host=h sslmode=maybe", "sslmode must be one of"),
                ("postgresql://h/db?nonsense=1", "***"), ("host=h sslmod=require", "sslmod"),
            ] {
                let result = try await Self.run(["check"], in: site, ["DATABASE_URL": url])
                #expect(result.end == .exited(78) && result.text.contains(text), "\(url): \(result.text)")
            }
            let good = try await Self.run(
                ["check"],
                in: site,
                ["DATABASE_URL": "postgresql://u:p@h:1,h2:2/db?sslmode=require"]
            )
            #expect(good.end == .exited(0), "\(good.text)")
        }
    }
}
