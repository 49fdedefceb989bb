import ProcessSupport
import Testing

/// A lone proxy asks Redis only where Redis answers; what it fetches is stored there all the same.
@Suite("Redis is spared")
struct SparedRedisTests {
    private static func misses(_ client: LineClient, _ numbers: Range<Int>) async throws {
        for number in numbers {
            let answer = try await client.query(
                "SELECT n FROM items WHERE id = 1 AND $1::int > 0",
                "\"params\":[\(number)]"
            )
            #expect(answer.cache == "miss", "\(answer)")
        }
    }

    @Test("where it never has an answer, few questions go to it, and every answer")
    func spared() async throws {
        try await Site.open(redis: .own) { site in
            let port = try #require(site.ownRedis?.port)
            try await site.database.execute(
                "CREATE TABLE items (id int PRIMARY KEY, n int)",
                "INSERT INTO items VALUES (1, 5)"
            )
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            // Until it is known that nobody else runs, leases are taken, and everything is asked.
            try await Self.misses(client, 1..<10)
            let isAlone = try await eventually(within: .seconds(10)) {
                let before = try await Redis.commandCalls(port: port, "set")
                _ = try await client.query(
                    "SELECT n FROM items WHERE n = $1",
                    "\"params\":[\(Int.random(in: 1...1_000_000))]"
                )
                return try await Redis.commandCalls(port: port, "set") - before == 1
            }
            #expect(isAlone)
            try await Self.misses(client, 100..<400)
            let (asked, stored) = (
                try await Redis.commandCalls(port: port, "mget"), try await Redis.commandCalls(port: port, "set")
            )
            try await Self.misses(client, 400..<720)
            #expect(try await Redis.commandCalls(port: port, "mget") - asked < 40)
            #expect(try await Redis.commandCalls(port: port, "set") - stored == 320)
            // What was stored unasked is good for others, until somebody writes.
            let other = try await site.client()
            let sql = "SELECT n FROM items WHERE id = 1 AND $1::int > 0"
            let found = try await other.query(sql, #""params":[700]"#)
            #expect(found.cache == "redis" && found.rows == "[[5]]", "\(found)")
            #expect(try await other.query("UPDATE items SET n = 6 WHERE id = 1").isComplete == true)
            for client in [other, client] {
                let answer = try await client.query(sql, #""params":[701]"#, #""consistency":"strict""#)
                #expect(answer.rows == "[[6]]", "\(answer)")
            }
        }
    }
}
