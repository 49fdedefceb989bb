import Foundation
import JSONText
import ProcessSupport
import Testing

/// A line that was answered from memory is recognised by its bytes afterwards, and not read again.
@Suite("Lines that are asked for again")
struct RepeatedLineTests {
    private let line = #""sql":"SELECT id, name FROM things WHERE id = $1","params":[1]}"#

    private func withThings(
        _ variables: [String: String] = [:],
        file: String? = nil,
        _ body: @escaping @Sendable (Site, CisternProcess, LineClient) async throws -> Void
    ) async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE things (id int PRIMARY KEY, name text)")
            try await site.database.execute("INSERT INTO things VALUES (1, 'one'), (2, 'two')")
            let proxy = try await site.proxy(variables, file: file)
            try await body(site, proxy, try await proxy.client())
        }
    }

    @Test("every answer carries its own id, and every one is counted")
    func ids() async throws {
        try await withThings { [line] _, _, client in
            #expect(try await client.ask("{\(line)").cache == "miss")
            for id in ["7", "\"a\"", "8", "\"a-b c\"", "1.5", "\"\\u0041\"", "0"] {
                let answer = try await client.exchange("{\"id\":\(id),\(line)")
                #expect(answer.hasPrefix("{\"id\":\(id),\"ok\":true,\"cache\":\"memory\",\"age_ms\":"), "\(answer)")
                #expect(answer.hasSuffix("\"rows\":[[1,\"one\"]],\"row_count\":1}"), "\(answer)")
            }
            // An id that is not JSON stays an error, and one behind the rest still counts.
            #expect(try await client.ask("{\"id\":07,\(line)").code == "bad_request")
            let behind = "{" + line.dropLast() + ",\"id\":3}"
            for _ in 0..<3 { #expect(try await client.ask(behind).json["id"]?.int == 3) }
            #expect(try await client.ask("{\"id\":9," + line.dropLast() + ",\"id\":3}").code == "bad_request")
            for _ in 0..<5 { #expect(try await client.ask("{\(line)").cache == "memory") }
            let stats = try await client.stats()
            let text = stats.jsonText
            #expect(text.contains("\"memory\":15,"), "\(text)")
        }
    }

    @Test("a write ends the answer, wherever it is made")
    func writes() async throws {
        try await withThings { [line] site, _, client in
            let other = try await site.client()
            for number in 0..<20 {
                for _ in 0..<3 { _ = try await client.ask("{\(line)") }
                _ = try await client.query("UPDATE things SET name = 'own \(number)' WHERE id = 1")
                #expect(try await client.ask("{\(line)").rows == "[[1,\"own \(number)\"]]")
                for _ in 0..<3 { _ = try await client.ask("{\(line)") }
                _ = try await other.query("UPDATE things SET name = 'other \(number)' WHERE id = 1")
                let isHeard = try await eventually(within: .seconds(2)) {
                    try await client.ask("{\(line)").rows == "[[1,\"other \(number)\"]]"
                }
                #expect(isHeard)
            }
        }
    }

    @Test("what the server said of the statement counts anew after the schema has changed")
    func schema() async throws {
        try await withThings { site, _, client in
            func define(_ volatility: String) -> String {
                "CREATE OR REPLACE FUNCTION shown(text) RETURNS text LANGUAGE sql \(volatility) AS $$ SELECT upper($1) $$"
            }
            try await site.database.execute(define("IMMUTABLE"))
            let line = LineClient.request("SELECT shown(name) FROM things WHERE id = 2")
            for expected in ["miss", "memory", "memory", "memory"] {
                #expect(try await client.ask(line).cache == expected)
            }
            #expect(try await client.query(define("VOLATILE")).isOK)
            for _ in 0..<3 { #expect(try await client.ask(line).origin == "bypass volatile_function:shown") }
        }
    }

    @Test("settings that were read again count for lines that are known")
    func reload() async throws {
        try await withThings(file: "[namespace.default]\nmemory = true\n") { [line] site, proxy, client in
            for _ in 0..<4 { _ = try await client.ask("{\(line)") }
            #expect(try await client.ask("{\(line)").cache == "memory")
            try "[namespace.default]\nmemory = false\n"
                .write(to: site.folder.appending(path: "proxy0.conf"), atomically: true, encoding: .utf8)
            proxy.process.send(signal: SIGHUP)
            let isSeen = try await eventually(within: .seconds(5)) { try await client.ask("{\(line)").cache == "redis" }
            #expect(isSeen, "\(proxy.log)")
            for _ in 0..<3 { #expect(try await client.ask("{\(line)").cache == "redis") }
        }
    }

    @Test("where memory is off Redis answers them, each with its own id, and a write ends the answer")
    func redis() async throws {
        try await withThings(file: "[namespace.default]\nmemory = false\n") { [line] _, proxy, client in
            #expect(try await client.ask("{\(line)").cache == "miss")
            for number in 0..<10 {
                for id in ["7", "\"a\"", "8"] {
                    let answer = try await client.exchange("{\"id\":\(id),\(line)")
                    #expect(answer.hasPrefix("{\"id\":\(id),\"ok\":true,\"cache\":\"redis\",\"age_ms\":"), "\(answer)")
                }
                #expect(try await client.ask("{\(line)").cache == "redis")
                _ = try await client.query("UPDATE things SET name = 'name \(number)' WHERE id = 1")
                let answer = try await client.ask("{\"id\":1,\(line)")
                #expect(answer.cache == "miss" && answer.rows == "[[1,\"name \(number)\"]]", "\(answer)")
                #expect(answer.json["id"]?.int == 1)
            }
            // Many at once: without an id in their order, and beside them those with one.
            let other = line.replacingOccurrences(of: "[1]", with: "[2]")
            for _ in 0..<2 { _ = try await client.ask("{\(other)") }
            try await client.send(String(repeating: "{\(line)\n{\(other)\n", count: 100))
            for number in 0..<200 {
                let answer = try Answer(try await client.nextLine())
                #expect(answer.rows == (number % 2 == 0 ? "[[1,\"name 9\"]]" : "[[2,\"two\"]]"))
            }
            // One who hangs up while Redis is asked harms nobody.
            for _ in 0..<20 {
                let leaving = try await proxy.client()
                leaving.sendWithoutWaiting("{\(line)\n{\(other)\n")
                await leaving.close()
            }
            #expect(try await client.ask("{\(line)").cache == "redis")
            let stats = try await client.stats()
            let errors = stats["errors"]?.jsonText
            #expect(errors == "{}")
        }
    }

    @Test("an answer that memory holds comes from there, however large it is")
    func large() async throws {
        try await withThings { _, _, client in
            let line = LineClient.request("SELECT id, repeat('x', 40000) FROM things")
            for expected in ["miss", "memory", "memory", "memory", "memory"] {
                let answer = try await client.ask(line)
                #expect(answer.cache == expected)
            }
            let named = LineClient.request("SELECT id FROM things", [#""ns":"nobody_s""#])
            for expected in ["miss", "memory", "memory", "memory", "memory"] {
                let answer = try await client.ask(named)
                #expect(answer.cache == expected)
            }
        }
    }

    @Test(
        "known and unknown lines in one piece, and lines in pieces, are answered in their order",
        arguments: [1, 3, 50, 1 << 20]
    )
    func order(piece: Int) async throws {
        try await withThings { [line] _, _, client in
            let other = line.replacingOccurrences(of: "[1]", with: "[2]")
            for _ in 0..<3 { _ = try await client.ask("{\(line)") }
            let text = "{\(line)\n{\(line)\r\n\n{\(other)\n{\(line)\nPING\nnonsense {\n{\(other)\n{\(line)\n"
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: piece) {
                try await client.send(String(decoding: bytes[start..<min(start + piece, bytes.count)], as: UTF8.self))
            }
            var rows: [String] = []
            for _ in 0..<8 {
                let answer = try Answer(try await client.nextLine())
                rows.append(answer.isOK ? answer.json["pong"] == nil ? answer.rows : "pong" : "error")
            }
            let (one, two) = ("[[1,\"one\"]]", "[[2,\"two\"]]")
            #expect(rows == [one, one, two, one, "pong", "error", two, one])
        }
    }

    @Test("a connection on which nothing happens is closed, one that is used is not")
    func idleness() async throws {
        try await withThings(["CISTERN_LISTEN_IDLE_TIMEOUT": "1s"]) { [line] _, proxy, client in
            let idle = try await proxy.client()
            #expect(try await idle.ask("PING").isOK)
            let start = ContinuousClock.now
            let isClosed = try await eventually(within: .seconds(5)) {
                #expect(try await client.ask("{\(line)").isOK)
                return try await idle.isClosed(within: .milliseconds(50))
            }
            #expect(isClosed)
            #expect(start.duration(to: .now) > .milliseconds(900))
        }
    }
}
