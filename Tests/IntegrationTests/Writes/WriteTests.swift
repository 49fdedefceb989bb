import JSONText
import ProcessSupport
import Testing

/// After a write has been answered nobody who can know of it serves what was there before.
@Suite("Writes through the proxy")
struct WriteTests {
    private static let items = [
        "CREATE TABLE items (id int PRIMARY KEY, name text)", "INSERT INTO items VALUES (1, 'A'), (2, 'B')",
    ]

    @Test("Row 21: INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE, ALTER, DROP")
    func statements() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            let freshness = try await site.freshness()
            let reads = ["SELECT * FROM items ORDER BY id", "SELECT count(*) FROM items"]
            for write in [
                "INSERT INTO items VALUES (3, 'C')", "DELETE FROM items WHERE id = 3",
                """
                MERGE INTO items USING (VALUES (2, 'b'), (4, 'D')) AS new (id, name) ON items.id = new.id
                WHEN MATCHED THEN UPDATE SET name = 'changed' WHEN NOT MATCHED THEN INSERT VALUES (new.id, new.name)
                """,
                "COPY items FROM PROGRAM 'echo 5,E' WITH (FORMAT csv)",
                "INSERT INTO items VALUES (1, 'Z'), (6, 'F') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
                "TRUNCATE items", "INSERT INTO items VALUES (1, 'A')",
            ] {
                let answer = try await freshness.check(write, reads: reads)
                #expect(answer.origin == "bypass write", "\(answer)")
                #expect(answer.invalidated == ["\(site.name).items"], "\(answer)")
            }
            let star = ["SELECT * FROM items ORDER BY id"]
            try await freshness.check("UPDATE items SET name = 'U' WHERE id = 1", reads: star)
            try await freshness.check("ALTER TABLE items ADD COLUMN price numeric DEFAULT 1.50", reads: star)
            try await freshness.check("ALTER TABLE items ALTER COLUMN price TYPE text", reads: star)
            try await freshness.check("ALTER TABLE items DROP COLUMN price", reads: star)
            try await freshness.check("ALTER TABLE items RENAME TO things", reads: reads)
            try await freshness.check("DROP TABLE things", reads: ["SELECT count(*) FROM things"])
        }
    }

    @Test("Row 21: INSERT, UPDATE and DELETE with RETURNING answer their rows")
    func returning() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            let freshness = try await site.freshness()
            let answer = try await freshness.check(
                "UPDATE items SET name = lower(name) RETURNING id, name",
                reads: ["SELECT name FROM items"]
            )
            #expect(answer.rows == #"[[1,"a"],[2,"b"]]"#)
            #expect(answer.json["command"]?.string == "UPDATE" && answer.json["row_count"]?.int == 2, "\(answer)")
            let deleted = try await freshness.check(
                #"{"sql":"DELETE FROM items WHERE id = $1","params":[1]}"#,
                reads: ["SELECT count(*) FROM items"]
            )
            #expect(deleted.json["command"]?.string == "DELETE" && deleted.json["row_count"]?.int == 1, "\(deleted)")
            #expect(deleted.rows == "[]" && deleted.json["columns"]?.jsonText == "[]", "\(deleted)")
        }
    }

    @Test("Row 21: REVOKE, and the right given back")
    func revoke() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            let role = site.name + "_reader"
            try await site.database.execute(
                "CREATE ROLE \(role) LOGIN",
                "GRANT USAGE ON SCHEMA \(site.name) TO \(role)",
                "GRANT SELECT ON items TO \(role)"
            )
            let owner = try await site.client()
            let url = site.postgresURL.replacing("user=cistern", with: "user=\(role)")
            let freshness = try await site.freshness(["DATABASE_URL": url])
            let sql = "SELECT name FROM items WHERE id = 1"
            try await freshness.fill(sql)
            let revoked = try await owner.query("REVOKE SELECT ON items FROM \(role)")
            #expect(revoked.isOK, "\(revoked)")
            let strict = try await freshness.other.query(sql, #""consistency":"strict""#)
            #expect(strict.sqlState == "42501", "\(strict)")
            let isHeard = try await eventually(within: .seconds(1)) {
                let answers = [try await freshness.writer.query(sql), try await freshness.other.query(sql)]
                return answers.allSatisfy { $0.sqlState == "42501" }
            }
            #expect(isHeard)
            #expect(try await owner.query("GRANT SELECT ON items TO \(role)").isOK)
            #expect(try await freshness.other.query(sql).rows == #"[["A"]]"#)
            try await site.database.execute("DROP OWNED BY \(role)", "DROP ROLE \(role)")
        }
    }

    @Test("Rows 22 to 25: in a CTE, in SELECT f(), CALL, DO, EXECUTE, EXPLAIN ANALYZE")
    func hiddenWrites() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            try await site.database.execute(
                """
                CREATE FUNCTION touch() RETURNS int LANGUAGE sql AS
                $$ UPDATE items SET name = name || 'f'; SELECT 7 $$
                """,
                "CREATE PROCEDURE alter_all() LANGUAGE sql AS $$ UPDATE items SET name = name || 'p' $$",
                """
                CREATE PROCEDURE alter_twice() LANGUAGE plpgsql AS
                $$ BEGIN UPDATE items SET name = name || '1'; COMMIT; UPDATE items SET name = name || '2'; END $$
                """,
                "CREATE FUNCTION run(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; END $$"
            )
            let freshness = try await site.freshness()
            for write in [
                "WITH changed AS (UPDATE items SET name = name || 'c' RETURNING id) SELECT count(*) FROM changed",
                "WITH a AS (SELECT 1), b AS (INSERT INTO items VALUES (9, 'I') RETURNING 1) SELECT * FROM a",
                "SELECT touch()", "SELECT 1 WHERE touch() > 0", "CALL alter_all()", "CALL alter_twice()",
                "DO $$ BEGIN UPDATE items SET name = name || 'd'; END $$",
                "SELECT run('UPDATE items SET name = name || ''r''')",
                "SELECT run('UPDATE ' || 'it' || 'ems SET name = name || ''s''')",
                "EXPLAIN ANALYZE UPDATE items SET name = name || 'e'",
                "EXPLAIN (ANALYZE, FORMAT json) WITH x AS (DELETE FROM items WHERE id = 9 RETURNING 1) SELECT * FROM x",
                """
                {"op":"transaction","statements":[{"sql":"PREPARE p(text) AS UPDATE items SET name = name || $1"},\
                {"sql":"EXECUTE p('x')"}]}
                """,
            ] {
                try await freshness.check(write, reads: ["SELECT * FROM items ORDER BY id"])
            }
        }
    }

    @Test("Row 26: by a trigger to another table, by ON DELETE CASCADE, by a rule")
    func sideEffects() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            try await site.database.execute(
                "CREATE TABLE history (id int, name text)",
                """
                CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO history VALUES (NEW.id, NEW.name); RETURN NEW; END'
                """,
                "CREATE TRIGGER noting AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()",
                "CREATE TABLE parts (item int REFERENCES items ON DELETE CASCADE, part text)",
                "INSERT INTO parts VALUES (1, 'p1'), (2, 'p2')",
                "CREATE TABLE shadow AS SELECT * FROM items",
                "CREATE RULE shadowing AS ON INSERT TO items DO ALSO INSERT INTO shadow VALUES (NEW.id, NEW.name)"
            )
            let freshness = try await site.freshness()
            try await freshness.check(
                "UPDATE items SET name = 'new' WHERE id = 1",
                reads: ["SELECT count(*) FROM history", "SELECT name FROM items WHERE id = 1"]
            )
            try await freshness.check("DELETE FROM items WHERE id = 1", reads: ["SELECT part FROM parts"])
            try await freshness.check("INSERT INTO items VALUES (3, 'C')", reads: ["SELECT * FROM shadow"])
        }
    }

    @Test("Row 27: to a partition, to the parent, to an inherited child")
    func partitionsAndChildren() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE sales (id int, year int) PARTITION BY LIST (year)",
                "CREATE TABLE sales_1 PARTITION OF sales FOR VALUES IN (1) PARTITION BY RANGE (id)",
                "CREATE TABLE sales_1_a PARTITION OF sales_1 FOR VALUES FROM (0) TO (100)",
                "CREATE TABLE sales_2 PARTITION OF sales FOR VALUES IN (2)",
                "INSERT INTO sales VALUES (1, 1), (2, 2)",
                "CREATE TABLE parent (id int)",
                "CREATE TABLE child () INHERITS (parent)",
                "INSERT INTO parent VALUES (1)",
                "INSERT INTO child VALUES (2)"
            )
            let freshness = try await site.freshness()
            let all = ["SELECT count(*) FROM sales", "SELECT count(*) FROM sales_1", "SELECT count(*) FROM sales_1_a"]
            try await freshness.check("INSERT INTO sales_1_a VALUES (3, 1)", reads: all)
            try await freshness.check("INSERT INTO sales VALUES (4, 1)", reads: all)
            try await freshness.check(
                "UPDATE sales SET year = 1 WHERE id = 2",
                reads: ["SELECT count(*) FROM sales_1", "SELECT id FROM sales_2", "SELECT * FROM sales ORDER BY id"]
            )
            let family = ["SELECT count(*) FROM parent", "SELECT count(*) FROM child"]
            try await freshness.check("INSERT INTO child VALUES (3)", reads: family)
            try await freshness.check("DELETE FROM parent WHERE id = 3", reads: family)
            try await freshness.check("CREATE TABLE late () INHERITS (parent)", reads: family, changes: false)
            try await freshness.check("INSERT INTO late VALUES (9)", reads: ["SELECT count(*) FROM parent"])
            try await freshness.check(
                "CREATE TABLE sales_3 PARTITION OF sales FOR VALUES IN (3)",
                reads: all,
                changes: false
            )
            try await freshness.check("INSERT INTO sales_3 VALUES (9, 3)", reads: ["SELECT count(*) FROM sales"])
            try await freshness.check(
                "ALTER TABLE sales DETACH PARTITION sales_3",
                reads: ["SELECT count(*) FROM sales"]
            )
        }
    }

    @Test("Row 28: through an updatable view; reads through views; REFRESH MATERIALIZED VIEW")
    func views() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            try await site.database.execute(
                "CREATE VIEW firsts AS SELECT * FROM items WHERE id < 10",
                "CREATE VIEW names AS SELECT name FROM firsts",
                "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, max(name) AS last FROM items"
            )
            let freshness = try await site.freshness()
            let reads = ["SELECT * FROM items ORDER BY id", "SELECT * FROM firsts", "SELECT * FROM names"]
            try await freshness.check("UPDATE firsts SET name = name || 'v'", reads: reads)
            try await freshness.check("INSERT INTO items VALUES (3, 'C')", reads: reads)
            try await freshness.check("REFRESH MATERIALIZED VIEW totals", reads: ["SELECT * FROM totals"])
            try await freshness.check(
                "CREATE OR REPLACE VIEW names AS SELECT upper(name) AS name FROM firsts",
                reads: ["SELECT * FROM names"]
            )
        }
    }

    @Test("Row 29: a statement that the parser does not know drops everything")
    func unknownStatements() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            // To the parser, which knows no setting, a backslash means something else than to these sessions.
            let url = site.postgresURL.replacing("options='", with: "options='-c standard_conforming_strings=off ")
            let freshness = try await site.freshness(["DATABASE_URL": url])
            let write = #"UPDATE items SET name = 'it\'s' WHERE id = 1"#
            let answer = try await freshness.check(write, reads: ["SELECT name FROM items ORDER BY id"])
            #expect(answer.invalidated == ["*"], "\(answer)")
        }
    }

    @Test("A write that was refused says so, and changes nothing in the cache")
    func refusedWrite() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            let freshness = try await site.freshness()
            try await freshness.fill("SELECT * FROM items")
            let answer = try await freshness.writer.query("INSERT INTO items VALUES (1, 'again')")
            #expect(answer.code == "sql_error" && answer.sqlState == "23505", "\(answer)")
            #expect(answer.error?["detail"]?.string?.contains("(id)=(1)") == true, "\(answer)")
            #expect(try await freshness.writer.query("SELECT * FROM items").origin == "memory")
            let mistake = try await freshness.writer.query("SELECT * FROM itms")
            #expect(mistake.sqlState == "42P01" && mistake.error?["position"]?.int == 15, "\(mistake)")
        }
    }

    @Test("A write leaves entries of other tables alone")
    func otherTables() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            try await site.database.execute("CREATE TABLE others AS SELECT 1 AS id")
            let freshness = try await site.freshness()
            try await freshness.fill("SELECT * FROM others")
            try await freshness.check("UPDATE items SET name = 'x'", reads: ["SELECT * FROM items"])
            for client in [freshness.writer, freshness.other] {
                #expect(try await client.query("SELECT * FROM others").origin == "memory")
            }
        }
    }

    @Test("invalidate drops tags and patterns along with a write; refresh stores reads right after it")
    func invalidateAndRefresh() async throws {
        try await Site.open { site in
            for statement in Self.items { try await site.database.execute(statement) }
            try await site.database.execute("CREATE TABLE others AS SELECT 1 AS id")
            let (one, other) = try await site.pair()
            func read(_ client: LineClient, _ tag: String) async throws -> String {
                try await client.query("SELECT id FROM others", #""tags":["\#(tag)"]"#).origin
            }
            let tags = ["product:1", "product:2", "products:org:7", "order:1"]
            for tag in tags {
                for client in [one, one, other, other] { _ = try await read(client, tag) }
            }
            let answer = try await one.ask(
                """
                {"sql":"UPDATE items SET name = 'x' WHERE id = 1","invalidate":["product:*","products:org:7"],\
                "refresh":[{"sql":"SELECT name FROM items WHERE id = 1"},{"sql":"SELECT nonsense"}]}
                """
            )
            #expect(answer.isOK && answer.isComplete == true, "\(answer)")
            #expect(answer.json["invalidated"]?["tags"]?.jsonText == #"["product:*","products:org:7"]"#, "\(answer)")
            let refreshed = answer.json["refreshed"]?.array
            #expect(refreshed?.first?["rows"]?.jsonText == #"[["x"]]"#, "\(answer)")
            #expect(refreshed?.last?["error"]?["sqlstate"]?.string == "42703", "\(answer)")
            #expect(try await one.query("SELECT name FROM items WHERE id = 1").origin == "memory")
            #expect(try await other.query("SELECT name FROM items WHERE id = 1").origin == "redis")
            #expect(try await read(one, "order:1") == "memory")
            #expect(try await read(other, "order:1") == "memory")
            for tag in tags.dropLast() { #expect(try await read(one, tag) == "miss", "\(tag)") }
            for tag in tags.dropLast() {
                let isHeard = try await eventually(within: .seconds(1)) { try await read(other, tag) == "memory" }
                #expect(isHeard, "\(tag)")
            }
            #expect(try await one.query("SELECT 1", #""invalidate":["x"]"#).code == "bad_request")
        }
    }
}
