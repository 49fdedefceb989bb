import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("Start, stop, and what a proxy tells of itself")
struct LifeTests {
    @Test("SIGTERM drains: what is in flight is answered, then the process ends well", arguments: [SIGTERM, SIGINT])
    func drain(signal: Int32) async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            let idle = try await proxy.client()
            #expect(try await idle.ask("PING").isOK)
            async let slow = client.query("SELECT pg_sleep(0.5), 'done'")
            let isRunning = try await eventually(within: .seconds(5)) {
                try await site.database.value(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = '\(site.name)' AND query LIKE '%pg_sleep(0.5)%' AND state = 'active'
                    """
                ) == "1"
            }
            #expect(isRunning)
            proxy.process.send(signal: signal)
            #expect(try await idle.isClosed())
            let refused = try await eventually(within: .seconds(2)) { (try? await proxy.client()) == nil }
            #expect(refused)
            #expect(try await slow.rows == #"[["","done"]]"#)
            #expect(try await client.isClosed())
            #expect(try await proxy.process.waitForEnd(within: .seconds(5)) == .exited(0), "\(proxy.log)")
        }
    }

    @Test("A configuration with five mistakes: five messages, and exit status 78", arguments: ["serve", "check"])
    func mistakes(command: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cistern-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "proxy.conf")
        try """
        [listen]
        line = "nowhere"
        max_conections = 5
        [cache]
        jitter = 2
        memory = "lots"
        [ttl]
        products = "soon"
        """.write(to: file, atomically: true, encoding: .utf8)
        let arguments = command == "serve" ? ["serve", "--config", file.path] : ["check", file.path]
        let process = try CisternProcess.launch(arguments, [:], logFile: folder.appending(path: "log"))
        #expect(try await process.waitForEnd() == .exited(78))
        let log = process.log
        for (line, name) in [(2, "line"), (3, "max_conections"), (5, "jitter"), (6, "memory"), (8, "products")] {
            #expect(
                log.split(separator: "\n").contains { $0.contains("\(line)") && $0.contains(name) },
                "\(name): \(log)"
            )
        }
        #expect(log.contains("max_connections"), "it proposes the right name: \(log)")
    }

    @Test("An address that is taken ends the process with a message")
    func takenAddress() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            var environment = site.environment
            environment["CISTERN_LISTEN_LINE"] = "127.0.0.1:\(proxy.port)"
            let second = try CisternProcess.launch(
                ["serve"],
                environment,
                logFile: site.folder.appending(path: "second")
            )
            let end = try await second.waitForEnd()
            #expect(end == .exited(69), "\(second.log)")
        }
    }

    @Test("stats: the counters add up, overall and over the namespaces, and tell every answer that was given")
    func statistics() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE items AS SELECT 1 AS n",
                "CREATE TABLE products AS SELECT 1 AS n"
            )
            let (one, other) = try await site.pair()
            var given: [String: Int] = [:]
            func ask(_ client: LineClient, _ sql: String, _ members: String...) async throws {
                let answer = try await client.ask(LineClient.request(sql, members))
                if client === one { given[answer.cache ?? "error", default: 0] += 1 }
            }
            for _ in 0..<3 { try await ask(one, "SELECT n FROM items") }
            try await ask(other, "SELECT n FROM products")
            try await ask(one, "SELECT n FROM products")
            try await ask(one, "SELECT n FROM items", #""ns":"odd \"name\"""#)
            try await ask(one, "SELECT now()")
            try await ask(one, "UPDATE items SET n = 2")
            try await ask(one, "SELECT nonsense")
            let stats = try await one.stats()
            let sources = ["memory", "redis", "miss", "shared", "stale", "bypass"]
            func sum(_ counts: JSONValue?) -> Int { sources.reduce(0) { $0 + (counts?[$1]?.int ?? 0) } }
            let overall = stats["answers"]
            for source in sources {
                #expect(overall?[source]?.int == given[source] ?? 0, "\(source): \(stats.jsonText)")
            }
            #expect(sum(overall) == overall?["total"]?.int)
            guard case .object(let namespaces) = stats["namespaces"] else {
                throw LineClient.Silence(description: "none")
            }
            #expect(namespaces.reduce(0) { $0 + sum($1.value) } == sum(overall), "\(stats.jsonText)")
            #expect(sum(stats["namespaces"]?["products"]) == 1, "\(stats.jsonText)")
            #expect(sum(stats["namespaces"]?["odd \"name\""]) == 1, "\(stats.jsonText)")
            #expect(stats["errors"]?["sql_error"]?.int == 1, "\(stats.jsonText)")
            // The one that waited for readiness has left.
            let areCounted = try await eventually(within: .seconds(2)) {
                let connections = try await one.stats()["connections"]
                return connections?["open"]?.int == 1 && connections?["accepted"]?.int ?? 0 >= 2
                    && connections?["rejected"]?.int == 0
            }
            #expect(areCounted)
        }
    }

    @Test("explain runs nothing, and tells key, tables, tags and where the entry is")
    func explain() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE products (id int, name text)",
                "CREATE SEQUENCE numbers",
                "CREATE VIEW seen AS TABLE products"
            )
            let (one, other) = try await site.pair()
            func explain(_ client: LineClient, _ sql: String, _ members: String...) async throws -> Answer {
                try await client.ask(LineClient.request(sql, [#""op":"explain""#] + members))
            }
            let sql = "select  NAME from seen where id = $1 -- x"
            let before = try await explain(one, sql, #""params":[1],"tags":["t"]"#)
            #expect(before.isOK && before.json["cacheable"]?.bool == true, "\(before)")
            #expect(before.json["tables"]?.jsonText == #"["\#(site.name).products"]"#, "\(before)")
            #expect(before.json["tags"]?.jsonText.contains(#""t""#) == true, "\(before)")
            #expect(before.json["statement"]?.string?.contains("--") == false, "\(before)")
            #expect(before.json["cached"] == .null, "\(before)")
            _ = try await one.query(sql, #""params":[1],"tags":["t"]"#)
            let after = try await explain(one, "SELECT name FROM seen WHERE id = $1", #""params":[1],"tags":["t"]"#)
            #expect(after.json["fingerprint"] == before.json["fingerprint"], "\(after)")
            for place in ["memory", "redis"] {
                #expect(after.json["cached"]?[place]?["ttl_ms"]?.int ?? 0 > 1000, "\(place): \(after)")
            }
            let elsewhere = try await explain(other, sql, #""params":[1],"tags":["t"]"#)
            #expect(elsewhere.json["cached"]?["memory"] == nil, "\(elsewhere)")
            #expect(elsewhere.json["cached"]?["redis"] != nil, "\(elsewhere)")
            let volatile = try await explain(one, "SELECT nextval('numbers')")
            #expect(
                volatile.json["cacheable"]?.bool == false && volatile.reason == "volatile_function:nextval",
                "\(volatile)"
            )
            let write = try await explain(one, "DELETE FROM products")
            #expect(write.json["cacheable"]?.bool == false && write.reason == "write", "\(write)")
            #expect(try await explain(one, "SELECT * FROM nowhere").sqlState == "42P01")
            #expect(try await site.database.value("SELECT is_called FROM numbers") == "f", "explain ran the statement")
        }
    }

    @Test("A namespace is found by its tables, by a table's name, by the request; its TTL is applied")
    func namespaces() async throws {
        try await Site.open { site in
            for table in ["wares", "products", "anything"] {
                try await site.database.execute("CREATE TABLE \(table) AS SELECT 1 AS n")
            }
            let file = """
                [ttl]
                default = "100s"
                products = "200s"
                [namespace.goods]
                ttl = "300s"
                tables = ["\(site.name).wares"]
                [namespace.private]
                ttl = "400s"
                memory = false
                """
            let proxy = try await site.proxy(["CISTERN_CACHE_JITTER": "0"], file: file)
            let client = try await proxy.client()
            for (sql, members, limit) in [
                ("SELECT n FROM anything", [], 100_000), ("SELECT n FROM products", [], 200_000),
                ("SELECT n FROM wares", [], 300_000), ("SELECT n FROM wares", [#""ns":"private""#], 400_000),
                ("SELECT n FROM wares", [#""ttl":5"#, #""ns":"own""#], 5000),
            ] {
                let answer = try await client.ask(LineClient.request(sql, members))
                #expect(answer.origin == "miss", "\(answer)")
                #expect((limit - 2000...limit).contains(answer.remaining ?? 0), "\(sql): \(answer)")
            }
            #expect(try await client.query("SELECT n FROM wares", #""ns":"private""#).origin == "redis")
        }
    }
}
