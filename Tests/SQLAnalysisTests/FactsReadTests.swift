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
