import JSONText
import Testing

/// What must be asked of PostgreSQL each time, and why.
@Suite("What is not cached")
struct NotCachedTests {
    /// Asks twice; both times it must be PostgreSQL that answers, for that reason.
    private static func expect(
        _ client: LineClient,
        _ sql: String,
        bypassedAs reason: String,
        _ members: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for _ in 0..<2 {
            let answer = try await client.ask(LineClient.request(sql, members))
            #expect(answer.isOK, "\(sql): \(answer)", sourceLocation: sourceLocation)
            #expect(answer.origin == "bypass \(reason)", "\(sql)", sourceLocation: sourceLocation)
        }
    }

    @Test("Row 9: functions of the clock, of chance, of the session")
    func functions() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE SEQUENCE numbers", "CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client()
            for (expression, reason) in [
                ("now()", "time_dependent:now"), ("current_timestamp", "time_dependent:current_timestamp"),
                ("CURRENT_DATE", "time_dependent:current_date"), ("localtime", "time_dependent:localtime"),
                ("random()", "volatile_function:random"), ("clock_timestamp()", "volatile_function:clock_timestamp"),
                ("current_user", "stable_function:current_user"),
                ("current_setting('app.x', true)", "stable_function:current_setting"),
                ("txid_current()", "stable_function:txid_current"),
                ("pg_backend_pid()", "stable_function:pg_backend_pid"), ("version()", "stable_function:version"),
            ] {
                try await Self.expect(client, "SELECT \(expression)", bypassedAs: reason)
                try await Self.expect(
                    client,
                    "SELECT id FROM items WHERE \(expression) IS NOT NULL",
                    bypassedAs: reason
                )
            }
            let first = try await client.query("SELECT nextval('numbers')")
            let second = try await client.query("SELECT nextval('numbers')")
            #expect(first.cache == "bypass" && second.cache == "bypass", "\(first)")
            #expect([first.rows, second.rows] == ["[[1]]", "[[2]]"])
        }
    }

    @Test("Row 10: words that PostgreSQL reads as a moment, as constants, parameters and column values")
    func movingInputs() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE words AS SELECT 'now'::text AS word")
            let client = try await site.client()
            for sql in [
                "SELECT 'now'::timestamp", "SELECT 'today'::date", "SELECT date 'now'",
                "SELECT CAST('tomorrow' AS date)",
                "SELECT timestamptz ' NOW '", "SELECT '{yesterday}'::date[]", "SELECT word::timestamptz FROM words",
            ] {
                for _ in 0..<2 {
                    let answer = try await client.query(sql)
                    #expect(answer.isOK && answer.origin.hasPrefix("bypass time_dependent"), "\(sql): \(answer)")
                }
            }
            for _ in 0..<2 {
                let answer = try await client.query("SELECT $1::timestamptz", #""params":["now"]"#)
                #expect(answer.origin.hasPrefix("bypass time_dependent"), "\(answer)")
            }
            #expect(try await client.query("SELECT '2026-01-02'::date").origin == "miss")
        }
    }

    @Test("Row 11: a STABLE function; a volatile one inside a view")
    func volatility() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE items AS SELECT 1 AS id",
                "CREATE FUNCTION steady() RETURNS int LANGUAGE sql STABLE AS 'SELECT id FROM items'",
                "CREATE FUNCTION moody() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT id FROM items'",
                "CREATE VIEW chances AS SELECT id, random() AS chance FROM items",
                "CREATE VIEW outer_chances AS SELECT id FROM chances WHERE chance >= 0"
            )
            let client = try await site.client()
            try await Self.expect(client, "SELECT steady()", bypassedAs: "stable_function:steady")
            try await Self.expect(client, "SELECT moody()", bypassedAs: "volatile_function:moody")
            try await Self.expect(client, "SELECT * FROM chances", bypassedAs: "volatile_function:random")
            try await Self.expect(client, "SELECT * FROM outer_chances", bypassedAs: "volatile_function:random")
        }
    }

    @Test("Rows 12 to 14: row locks, samples, catalogs and system columns")
    func clausesAndCatalogs() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client()
            for clause in ["FOR UPDATE", "FOR SHARE", "FOR NO KEY UPDATE SKIP LOCKED", "FOR KEY SHARE NOWAIT"] {
                let answer = try await client.query("SELECT id FROM items \(clause)")
                #expect(answer.isOK && answer.origin == "bypass locking_clause", "\(answer)")
            }
            let sample = try await client.query("SELECT id FROM items TABLESAMPLE BERNOULLI (100)")
            #expect(sample.isOK && sample.origin.hasPrefix("bypass volatile_function"), "\(sample)")
            try await Self.expect(client, "SELECT count(*) > 0 FROM pg_class", bypassedAs: "system_catalog:pg_class")
            let schema = try await client.query("SELECT count(*) > 0 FROM information_schema.tables")
            #expect(schema.origin.hasPrefix("bypass system_catalog"), "\(schema)")
            for column in ["ctid", "xmin", "tableoid"] {
                try await Self.expect(client, "SELECT \(column) FROM items", bypassedAs: "system_column:\(column)")
            }
        }
    }

    @Test("Row 15: row security")
    func rowSecurity() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE items AS SELECT 1 AS id",
                "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
                "CREATE VIEW seen AS SELECT * FROM items"
            )
            let client = try await site.client()
            try await Self.expect(client, "SELECT * FROM items", bypassedAs: "row_security:items")
            try await Self.expect(client, "SELECT * FROM seen", bypassedAs: "row_security:items")
        }
    }

    @Test("Row 16: a temporary table cannot come to shadow a permanent one")
    func temporaryTables() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client(["CISTERN_POSTGRES_POOL_SIZE": "1"])
            #expect(try await client.query("SELECT id FROM items").rows == "[[1]]")
            let create = try await client.query("CREATE TEMP TABLE items AS SELECT 2 AS id")
            #expect(create.code == "bad_request")
            #expect(create.message.contains("TEMP"), "\(create)")
            let inBlock = try await client.query("DO $$ BEGIN CREATE TEMP TABLE items AS SELECT 3 AS id; END $$")
            #expect(inBlock.isOK, "\(inBlock)")
            #expect(try await client.query("SELECT id FROM items").rows == "[[1]]")
            #expect(try await client.query("SELECT id FROM items", #""cache":false"#).rows == "[[1]]")
            let transaction = try await client.ask(
                """
                {"op":"transaction","statements":[{"sql":"CREATE TEMP TABLE items AS SELECT 4 AS id"},\
                {"sql":"SELECT id FROM items"}]}
                """
            )
            #expect(transaction.json["results"]?.array?.last?["rows"]?.jsonText == "[[4]]", "\(transaction)")
            #expect(try await client.query("SELECT id FROM items", #""cache":false"#).rows == "[[1]]")
            #expect(try await client.query("SELECT id FROM items").rows == "[[1]]")
        }
    }

    @Test("Row 17: foreign tables")
    func foreignTables() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE EXTENSION file_fdw SCHEMA \(site.name)",
                "CREATE SERVER \(site.name) FOREIGN DATA WRAPPER file_fdw",
                """
                CREATE FOREIGN TABLE away (word text) SERVER \(site.name) OPTIONS (program 'echo far', format 'csv')
                """,
                "CREATE VIEW seen AS SELECT * FROM away"
            )
            let client = try await site.client()
            try await Self.expect(client, "SELECT word FROM away", bypassedAs: "foreign_table:away")
            try await Self.expect(client, "SELECT word FROM seen", bypassedAs: "foreign_table:away")
        }
    }

    @Test("Row 18: SELECT INTO, EXPLAIN, SHOW; SET is refused")
    func otherStatements() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client()
            let into = try await client.query("SELECT id INTO copied FROM items")
            #expect(into.isOK && into.origin == "bypass write", "\(into)")
            #expect(try await client.query("SELECT id FROM copied").rows == "[[1]]")
            for sql in ["EXPLAIN SELECT id FROM items", "SHOW timezone"] {
                let answer = try await client.query(sql)
                #expect(answer.isOK && answer.origin.hasPrefix("bypass unsupported_statement"), "\(sql): \(answer)")
                #expect(answer.json["row_count"]?.int ?? 0 >= 1, "\(answer)")
            }
            let set = try await client.query("SET timezone = 'UTC'")
            #expect(set.code == "bad_request" && set.message.contains("settings"), "\(set)")
        }
    }

    @Test("Row 19: a result over max_entry_bytes is sent and not stored; one over max_result_bytes is refused")
    func sizes() async throws {
        try await Site.open { site in
            let client = try await site.client([
                "CISTERN_CACHE_MAX_ENTRY_BYTES": "10kB", "CISTERN_CACHE_MAX_RESULT_BYTES": "1MB",
            ])
            for expected in ["miss", "memory"] {
                #expect(try await client.query("SELECT repeat('x', 9000)").origin == expected)
            }
            try await Self.expect(client, "SELECT repeat('x', 11000)", bypassedAs: "result_too_large")
            for sql in [
                "SELECT repeat('x', 1100000)", "SELECT i FROM generate_series(1, 1000000) AS i",
                "SELECT repeat('x', 1100000), random()",
            ] {
                let answer = try await client.query(sql)
                #expect(answer.code == "response_too_large", "\(answer)")
            }
            #expect(try await client.query("SELECT 1").isOK)
        }
    }

    @Test("Row 20: an IMMUTABLE function that reads a table is fresh after a write through the proxy")
    func falselyImmutable() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE rates (rate int)",
                "INSERT INTO rates VALUES (10)",
                """
                CREATE FUNCTION rate() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
                'DECLARE r int; BEGIN SELECT rate INTO r FROM rates; RETURN r; END'
                """
            )
            let (one, other) = try await site.pair()
            #expect(try await one.query("SELECT rate()").origin == "miss")
            #expect(try await other.query("SELECT rate()").origin == "redis")
            #expect(try await one.query("SELECT rate()").origin == "memory")
            #expect(try await one.query("UPDATE rates SET rate = 20").isOK)
            #expect(try await one.query("SELECT rate()").rows == "[[20]]")
            #expect(try await other.query("SELECT rate()", #""consistency":"strict""#).rows == "[[20]]")
        }
    }

    @Test("What the request asks for: cache false, ttl 0, max_age_ms 0")
    func requestsOwnWish() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client()
            try await Self.expect(client, "SELECT id FROM items", bypassedAs: "client_request", #""cache":false"#)
            try await Self.expect(client, "SELECT id FROM items", bypassedAs: "ttl_zero", #""ttl":0"#)
            #expect(try await client.query("SELECT id FROM items").origin == "miss")
            try await site.database.execute("UPDATE items SET id = 2")
            let asked = try await client.query("SELECT id FROM items", #""max_age_ms":0"#)
            #expect(asked.origin == "miss" && asked.rows == "[[2]]", "\(asked)")
            let stored = try await client.query("SELECT id FROM items")
            #expect(stored.origin == "memory" && stored.rows == "[[2]]", "\(stored)")
        }
    }
}
