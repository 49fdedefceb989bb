import PostgresClient
import SQLAnalysis
import Testing

/// What a statement reads, and how the questions behave.
@Suite("Facts: tables", .enabled(if: CatalogFixture.url != nil))
struct FactsReadTests {
    @Test("rows 26 to 28: views, partitions and children are brought down to tables")
    func tables() async throws {
        let setup = [
            "CREATE TABLE a (id int)", "CREATE TABLE b (id int)",
            "CREATE VIEW v AS SELECT a.id FROM a JOIN b USING (id)",
            "CREATE VIEW w AS SELECT * FROM v WHERE id IN (SELECT id FROM b)",
            "CREATE MATERIALIZED VIEW m AS SELECT * FROM a",
            "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
            "CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id)",
            "CREATE TABLE p11 PARTITION OF p1 FOR VALUES FROM (0) TO (5)",
            "CREATE TABLE base (id int)", "CREATE TABLE child () INHERITS (base)",
            "CREATE TABLE grand () INHERITS (child)",
            "CREATE TABLE \"Odd . Name\" (id int)",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let tables = [
                "SELECT 1": [], "SELECT * FROM a": ["a"], "SELECT * FROM v": ["a", "b"], "SELECT * FROM w": ["a", "b"],
                "SELECT * FROM m": ["m"], "SELECT * FROM parts": ["parts"], "SELECT * FROM p11": ["parts"],
                "SELECT * FROM p1 WHERE id = 1": ["parts"], "SELECT * FROM base": ["base", "child", "grand"],
                "SELECT * FROM child": ["child", "grand"], "SELECT * FROM \"Odd . Name\"": ["Odd . Name"],
                "SELECT * FROM b WHERE false AND EXISTS (SELECT FROM a)": ["a", "b"],
                "WITH x AS (SELECT * FROM a) SELECT * FROM x, b": ["a", "b"],
                "SELECT * FROM a UNION ALL SELECT * FROM b": ["a", "b"],
                "SELECT CASE WHEN $1 THEN (SELECT count(*) FROM base) END": ["base", "child", "grand"],
            ]
            for (sql, names) in tables { #expect(try await fixture.tables(sql) == names, "\(sql)") }
        }
    }

    @Test("the key by which a read pins its rows: one column, of a type and a comparison of which all is known")
    func rowKeys() async throws {
        let setup = [
            "CREATE TABLE ints (n int, id int PRIMARY KEY)", "CREATE TABLE bigs (id bigserial PRIMARY KEY)",
            "CREATE TABLE uuids (id uuid PRIMARY KEY)", "CREATE TABLE texts (id text PRIMARY KEY)",
            "CREATE TABLE names (id varchar PRIMARY KEY)", "CREATE TABLE \"Odd . Name\" (id int PRIMARY KEY)",
            "CREATE TABLE cut (id varchar(5) PRIMARY KEY)", "CREATE TABLE padded (id char(5) PRIMARY KEY)",
            "CREATE TABLE decimals (id numeric PRIMARY KEY)", "CREATE TABLE floats (id float8 PRIMARY KEY)",
            "CREATE TABLE pairs (id int, n int, PRIMARY KEY (id, n))", "CREATE TABLE singular (id int UNIQUE NOT NULL)",
            "CREATE TABLE covering (id int, n int, PRIMARY KEY (id) INCLUDE (n))",
            "CREATE TABLE other (id int, key int PRIMARY KEY)",
            "CREATE TABLE computed (n int, id int GENERATED ALWAYS AS (n + 1) STORED PRIMARY KEY)",
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
            "CREATE TABLE folded (id text COLLATE loose PRIMARY KEY)", "CREATE DOMAIN small AS int",
            "CREATE TABLE twice (id text PRIMARY KEY)", "CREATE UNIQUE INDEX ON twice (id COLLATE loose)",
            "CREATE TABLE domains (id small PRIMARY KEY)", "CREATE TYPE mood AS ENUM ('ok')",
            "CREATE TABLE moods (id mood PRIMARY KEY)", "CREATE VIEW seen AS SELECT * FROM ints",
            "CREATE MATERIALIZED VIEW kept AS SELECT * FROM ints",
            "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE part PARTITION OF parts DEFAULT", "CREATE TABLE base (id int PRIMARY KEY)",
            "CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base)",
            "CREATE FUNCTION reads(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT max(id) FROM ints'",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let known: [String: RowKey.Kind] = [
                "ints": .integer, "bigs": .integer, "uuids": .uuid, "texts": .text, "names": .text,
                "\"Odd . Name\"": .integer, "covering": .integer,
            ]
            let unknown = [
                "cut", "padded", "decimals", "floats", "pairs", "singular", "computed", "folded", "twice", "domains",
                "moods",
                "seen",
                "kept", "parts", "part", "base", "heir",
            ]
            for (table, kind) in known {
                let facts = try await fixture.facts("SELECT * FROM \(table) AS t WHERE t.id = $1")
                #expect(facts.rowKey == RowKey(column: "id", kind: kind), "\(table)")
            }
            for table in unknown {
                let facts = try await fixture.facts("SELECT * FROM \(table) WHERE id = $1")
                #expect(facts.rowKey == nil, "\(table)")
                #expect(facts.cacheability == .cacheable, "\(table)")
            }
            #expect(try await fixture.facts("SELECT * FROM other WHERE id = $1").rowKey?.column == "key")
            for sql in [
                "SELECT * FROM ints", "SELECT * FROM ints WHERE n > $1", "SELECT * FROM ints, bigs WHERE ints.id = $1",
                // What a function reads is not known.
                "SELECT reads(1) FROM ints WHERE id = $1",
            ] {
                #expect(try await fixture.facts(sql).rowKey == nil, "\(sql)")
            }
            // Equal is what PostgreSQL says as long as nobody else says something.
            try await fixture.run([
                "CREATE FUNCTION mine(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'",
                "CREATE OPERATOR = (LEFTARG = int, RIGHTARG = int, FUNCTION = mine)",
            ])
            #expect(try await fixture.facts("SELECT * FROM uuids WHERE id = $1").rowKey == nil)
            try await fixture.run(["DROP OPERATOR \(fixture.schema).= (int, int)"])
            #expect(try await fixture.facts("SELECT * FROM uuids WHERE id = $1").rowKey != nil)
        }
    }

    @Test("comments and semicolons around the statement do no harm")
    func trimmings() async throws {
        try await CatalogFixture.with(["CREATE TABLE t (a int)"]) { fixture async throws in
            for sql in [
                "SELECT * FROM t -- the end", "SELECT * FROM t; -- the end", ";;/* x */ SELECT * FROM t;;",
                "SELECT * FROM t /* é */ ; ;", "SELECT 'é;' FROM t; -- é",
            ] {
                #expect(try await fixture.tables(sql) == ["t"], "\(sql)")
            }
        }
    }

    @Test("nothing is run and nothing is left behind")
    func leavesNothing() async throws {
        try await CatalogFixture.with(["CREATE SEQUENCE s", "CREATE TABLE t (a int)"]) { fixture async throws in
            _ = try await fixture.facts("SELECT nextval('s') FROM generate_series(1, 10)")
            _ = try await fixture.facts("SELECT 1 / 0")
            await #expect(throws: PostgresError.self) { try await fixture.facts("SELECT * FROM missing") }
            await #expect(throws: PostgresError.self) { try await fixture.facts("SELECT nonsense(1)") }
            #expect(try await fixture.tables("SELECT * FROM t") == ["t"])
            var step = PostgresStep(
                sql: """
                    SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'cistern_facts%'
                    UNION ALL SELECT count(*) FROM \(fixture.schema).s WHERE is_called
                    UNION ALL SELECT count(*) FROM pg_locks WHERE relation = '\(fixture.schema).t'::regclass
                    """
            )
            step.output = .rows
            #expect(try await fixture.pool.run(PostgresScript(steps: [step]))[0].rows == [["0"], ["0"], ["0"]])
        }
    }

    @Test("functions and tables of the search path do not change the questions")
    func hostileSearchPath() async throws {
        let setup = [
            "CREATE TABLE t (a int)", "CREATE TABLE pg_class (oid oid, relname text)",
            "CREATE TABLE pg_proc (oid oid)", "CREATE TYPE date AS ENUM ('now')",
            "CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT '{}'$$",
            "CREATE FUNCTION unnest(oid[]) RETURNS SETOF oid LANGUAGE sql IMMUTABLE AS $$SELECT 0::oid$$",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let path = "\(fixture.schema), pg_catalog"
            let facts = try await fixture.facts("SELECT random() FROM t", path: path)
            #expect(facts.tables == ["\(fixture.schema).t"])
            #expect(facts.cacheability.reason == "volatile_function:random")
            #expect(
                try await fixture.facts("SELECT * FROM pg_class", path: path).tables == ["\(fixture.schema).pg_class"]
            )
        }
    }

    @Test("it also works where nothing may be written")
    func readOnly() async throws {
        try await CatalogFixture.with(["CREATE TABLE t (a int)"]) { fixture async throws in
            let shape = await SQLAnalyzer().shape(of: "SELECT * FROM t WHERE a = $1")
            let facts = try await SQLAnalyzer().facts(
                for: shape,
                settings: [("search_path", fixture.schema), ("transaction_read_only", "on")],
                from: PoolCatalogSource(pool: fixture.pool)
            )
            #expect(
                facts == StatementFacts(tables: ["\(fixture.schema).t"], readsUnknown: false, cacheability: .cacheable)
            )
        }
    }

    @Test("parameters of undetermined type are PostgreSQL's error")
    func undeterminedParameters() async throws {
        try await CatalogFixture.with { fixture async throws in
            await #expect(throws: PostgresError.self) { try await fixture.facts("SELECT $1 IS NULL") }
        }
    }
}
