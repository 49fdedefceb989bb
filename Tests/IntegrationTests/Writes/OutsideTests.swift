import JSONText
import ProcessSupport
import Testing

/// What PostgreSQL is told past the proxy is seen when the entry's time is over.
@Suite("Changes past the proxy")
struct OutsideTests {
    @Test("Row 34: a write straight in PostgreSQL is seen within the TTL")
    func write() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let (one, other) = try await site.pair(["CISTERN_TTL_DEFAULT": "700ms"])
            #expect(try await one.query("SELECT n FROM items").rows == "[[1]]")
            #expect(try await other.query("SELECT n FROM items").rows == "[[1]]")
            try await site.database.execute("UPDATE items SET n = 2")
            let since = ContinuousClock.now
            for client in [one, other] {
                let isSeen = try await eventually(within: .seconds(2)) {
                    try await client.query("SELECT n FROM items").rows == "[[2]]"
                }
                #expect(isSeen)
            }
            #expect(since.duration(to: .now) < .milliseconds(1500))
        }
    }

    /// Until the TTL the old rows are served; then PostgreSQL is asked and its answer, or refusal, is the present one.
    @Test("Row 35: table dropped, column added, type changed, right revoked straight in PostgreSQL: within the TTL")
    func schema() async throws {
        try await Site.open { site in
            let role = site.name + "_reader"
            try await site.database.execute(
                "CREATE ROLE \(role) LOGIN",
                "GRANT USAGE ON SCHEMA \(site.name) TO \(role)"
            )
            for table in ["wider", "dropped", "retyped", "revoked", "remade"] {
                try await site.database.execute(
                    "CREATE TABLE \(table) AS SELECT 1 AS n",
                    "GRANT SELECT ON \(table) TO \(role)"
                )
            }
            let url = site.postgresURL.replacing("user=cistern", with: "user=\(role)")
            let client = try await site.client(["CISTERN_TTL_DEFAULT": "400ms", "DATABASE_URL": url])
            let tables = ["wider", "dropped", "retyped", "revoked", "remade"]
            for table in tables {
                // Twice past the cache, so that the statement is prepared.
                for _ in 0..<3 { _ = try await client.query("SELECT * FROM \(table)", #""max_age_ms":0"#) }
            }
            try await site.database.execute(
                "ALTER TABLE wider ADD COLUMN m int DEFAULT 5",
                "DROP TABLE dropped",
                "ALTER TABLE retyped ALTER COLUMN n TYPE text",
                "REVOKE SELECT ON revoked FROM \(role)",
                "DROP TABLE remade",
                "CREATE TABLE remade AS SELECT 'new'::text AS other",
                "GRANT SELECT ON remade TO \(role)"
            )
            let expected = [#"[[1,5]]"#, "sql_error 42P01", #"[["1"]]"#, "sql_error 42501", #"[["new"]]"#]
            for (table, expected) in zip(tables, expected) {
                var last = ""
                let isSeen = try await eventually(within: .seconds(2)) {
                    last = Freshness.outcome(try await client.query("SELECT * FROM \(table)"))
                    return last == expected
                }
                #expect(isSeen, "\(table): \(last)")
            }
            try await site.database.execute("DROP OWNED BY \(role)", "DROP ROLE \(role)")
        }
    }

    @Test("Row 35: the same where the catalogs are looked at: within the interval, on every proxy")
    func watchedSchema() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE wider AS SELECT 1 AS n",
                "CREATE TABLE dropped AS SELECT 1 AS n",
                "CREATE FUNCTION answer() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'"
            )
            let (one, other) = try await site.pair(["CISTERN_POSTGRES_SCHEMA_CHECK": "200ms"])
            let reads = ["SELECT * FROM wider", "SELECT * FROM dropped", "SELECT answer() FROM wider"]
            for sql in reads {
                for client in [one, other] { #expect(try await client.query(sql).rows == "[[1]]") }
            }
            try await site.database.execute(
                "ALTER TABLE wider ADD COLUMN m int DEFAULT 5",
                "DROP TABLE dropped",
                "CREATE OR REPLACE FUNCTION answer() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'"
            )
            for (sql, expected) in zip(reads, ["[[1,5]]", "sql_error 42P01", "[[2]]"]) {
                for client in [one, other] {
                    var last = ""
                    let isSeen = try await eventually(within: .seconds(3)) {
                        last = Freshness.outcome(try await client.query(sql))
                        return last == expected
                    }
                    #expect(isSeen, "\(sql): \(last)")
                }
            }
        }
    }

    @Test("The operation invalidate drops by tag, pattern, namespace, table, and all, on every proxy")
    func invalidateOperation() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let (one, other) = try await site.pair()
            let request = LineClient.request("SELECT n FROM items", [#""tags":["product:7"]"#, #""ns":"goods""#])
            for (value, what) in [
                #""tags":["product:7"]"#, #""pattern":"product:[0-9]""#, #""ns":["goods"]"#,
                #""tables":["\#(site.name).items"]"#, #""all":true,"reason":"test""#,
            ].enumerated() {
                for client in [one, other] { _ = try await client.ask(request) }
                try await site.database.execute("UPDATE items SET n = \(value + 10)")
                for client in [one, other] { #expect(try await client.ask(request).origin == "memory", "\(what)") }
                let answer = try await one.ask(#"{"op":"invalidate",\#(what)}"#)
                #expect(answer.isOK && answer.isComplete == true, "\(answer)")
                let rows = "[[\(value + 10)]]"
                #expect(try await one.ask(request).rows == rows, "\(what)")
                #expect(
                    try await eventually(within: .seconds(1)) { try await other.ask(request).rows == rows },
                    "\(what)"
                )
            }
            #expect(try await one.ask(#"{"op":"invalidate"}"#).code == "bad_request")
        }
    }

    @Test("Row 50: a TTL that was lowered shortens entries that exist")
    func loweredTTL() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let before = try await site.client(["CISTERN_TTL_DEFAULT": "1h"])
            #expect(try await before.query("SELECT n FROM items").origin == "miss")
            let after = try await site.client(["CISTERN_TTL_DEFAULT": "2s"])
            let answer = try await after.query("SELECT n FROM items")
            #expect(answer.remaining ?? 0 <= 2000, "\(answer)")
            let isFetched = try await eventually(within: .seconds(3)) {
                try await after.query("SELECT n FROM items").origin == "miss"
            }
            #expect(isFetched)
        }
    }

    @Test("Another service's message on the channel drops keys, tags and patterns; what is none is ignored")
    func otherServices() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let client = try await site.client()
            func origin(_ tag: String) async throws -> String {
                try await client.query("SELECT n FROM items", #""tags":["\#(tag)"]"#).origin
            }
            let tags = ["product:1", "product:2", "order:1"]
            for tag in tags { #expect(try await origin(tag) == "miss") }
            for nonsense in ["nonsense", "{}", "[1]", #"{"pattern":5}"#, #"{"reason":"x"}"#, #"{"pattern":"#] {
                _ = try await Redis.reply("PUBLISH \(site.name):invalidation '\(nonsense)'")
            }
            _ = try await Redis.reply(#"PUBLISH \#(site.name):invalidation '{"pattern":"product:1","reason":"x"}'"#)
            #expect(try await eventually(within: .seconds(1)) { try await origin("product:1") == "miss" })
            #expect(try await origin("product:2") == "memory")
            _ = try await Redis.reply(#"PUBLISH \#(site.name):invalidation '{"pattern":"product:*"}'"#)
            #expect(try await eventually(within: .seconds(1)) { try await origin("product:2") == "miss" })
            #expect(try await origin("order:1") == "memory")
            let stats = try await client.stats()
            #expect(stats["redis"]?["ignored_messages"]?.int ?? 0 >= 5, "\(stats.jsonText)")
        }
    }
}
