import Foundation
import Logging
import PostgresClient
import SQLAnalysis
import Testing

@Suite(.enabled(if: CatalogFixture.url != nil), .timeLimit(.minutes(1))) struct WriteFactsTests {
    static let setUp = [
        "CREATE SCHEMA write_facts",
        "CREATE TYPE write_facts.mood AS ENUM ('ok', 'sad')",
        "CREATE TABLE write_facts.plain (id bigserial PRIMARY KEY, n int DEFAULT 1, t text CHECK (t <> ''), m write_facts.mood, at timestamptz DEFAULT now())",
        "CREATE TABLE write_facts.\"Odd \"\" name\" (id int)",
        "CREATE TABLE write_facts.parent (id int PRIMARY KEY)",
        "CREATE TABLE write_facts.child (id int REFERENCES write_facts.parent ON DELETE CASCADE)",
        "CREATE TABLE write_facts.checked (id int REFERENCES write_facts.plain)",
        "CREATE FUNCTION write_facts.side() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TABLE write_facts.triggered (id int)",
        "CREATE TRIGGER t BEFORE INSERT ON write_facts.triggered FOR EACH ROW EXECUTE FUNCTION write_facts.side()",
        "CREATE FUNCTION write_facts.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
        "CREATE TABLE write_facts.computed (id int DEFAULT write_facts.f(1))",
        "CREATE TABLE write_facts.meddling (id int, t text DEFAULT set_config('work_mem', '1MB', false))",
        "CREATE TABLE write_facts.indexed (id int)", "CREATE INDEX ON write_facts.indexed (write_facts.f(id))",
        "CREATE DOMAIN write_facts.positive AS int CHECK (write_facts.f(VALUE) > 0)",
        "CREATE TABLE write_facts.of_domain (id write_facts.positive)",
        "CREATE TABLE write_facts.parts (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE write_facts.part PARTITION OF write_facts.parts DEFAULT",
        "CREATE TABLE write_facts.heir () INHERITS (write_facts.indexed)",
        "CREATE VIEW write_facts.seen AS SELECT id FROM write_facts.plain",
        "CREATE TABLE write_facts.ruled (id int)",
        "CREATE RULE r AS ON DELETE TO write_facts.ruled DO ALSO DELETE FROM write_facts.plain",
        "CREATE TABLE write_facts.secured (id int)", "ALTER TABLE write_facts.secured ENABLE ROW LEVEL SECURITY",
    ]

    static let cases: [(String, String?)] = [
        ("UPDATE plain SET n = n + 1 WHERE id = $1", "write_facts.plain"),
        ("INSERT INTO plain (n, t, m) VALUES ($1, upper($2), 'ok') RETURNING id", "write_facts.plain"),
        ("INSERT INTO plain (n) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = excluded.n", "write_facts.plain"),
        ("DELETE FROM write_facts.plain WHERE t LIKE 'a%'", "write_facts.plain"),
        ("UPDATE plain SET id = nextval('write_facts.plain_id_seq')", "write_facts.plain"),
        ("DELETE FROM \"Odd \"\" name\"", "write_facts.Odd \" name"),
        ("DELETE FROM checked", "write_facts.checked"),
        ("UPDATE plain SET n = f(n)", nil), ("UPDATE plain SET n = write_facts.f(n)", nil),
        ("UPDATE plain SET t = set_config('work_mem', '1MB', false)", nil),
        ("UPDATE plain SET t = query_to_xml('DELETE FROM parent', true, true, '')::text", nil),
        ("UPDATE plain SET n = (SELECT max(id) FROM parent)", nil),
        ("WITH x AS (DELETE FROM parent RETURNING id) UPDATE plain SET n = 1", nil),
        ("DELETE FROM parent", nil), ("INSERT INTO triggered VALUES (1)", nil),
        ("INSERT INTO computed DEFAULT VALUES", nil),
        ("INSERT INTO meddling (id) VALUES (1)", nil), ("INSERT INTO indexed VALUES (1)", nil),
        ("INSERT INTO heir VALUES (1)", nil),
        ("INSERT INTO of_domain VALUES (1)", nil), ("INSERT INTO parts VALUES (1)", nil),
        ("INSERT INTO part VALUES (1)", nil), ("DELETE FROM seen", nil), ("DELETE FROM ruled", nil),
        ("DELETE FROM secured", nil), ("DELETE FROM no_such_table", nil), ("TRUNCATE plain", nil),
        ("MERGE INTO plain USING parent ON plain.id = parent.id WHEN MATCHED THEN DELETE", nil),
        ("DELETE FROM pg_catalog.pg_description", nil), ("COPY plain FROM '/nowhere'", nil),
    ]

    /// In a database of its own: what other tests define at the same time counts as a reason for doubt.
    @Test func whatIsProvedAndWhatIsNot() async throws {
        try await CatalogFixture.with { fixture in
            let name = "write_facts_\(String(UInt64.random(in: .min ... .max), radix: 16))"
            _ = try await fixture.pool.run(PostgresScript(steps: [PostgresStep(sql: "CREATE DATABASE \(name)")]))
            do {
                try await Self.check(database: name)
            } catch {
                Issue.record(error)
            }
            let drop = "DROP DATABASE \(name) WITH (FORCE)"
            _ = try await fixture.pool.run(PostgresScript(steps: [PostgresStep(sql: drop)]))
        }
    }

    private static func check(database: String) async throws {
        let url = try #require(CatalogFixture.url) + " dbname=\(database)"
        let pool = PostgresPool(
            configuration: PostgresConfiguration(url: url),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { group.cancelAll() }
            for sql in setUp { _ = try await pool.run(PostgresScript(steps: [PostgresStep(sql: sql)])) }
            let analyzer = SQLAnalyzer()
            for (sql, table) in cases {
                let facts = try await analyzer.writeFacts(
                    for: await analyzer.shape(of: sql),
                    settings: [("search_path", "write_facts")],
                    from: PoolCatalogSource(pool: pool)
                )
                // Of the tables here, this one alone has a primary key of one column.
                let key = table == "write_facts.plain" ? RowKey(column: "id", kind: .integer) : nil
                #expect(facts == (table.map { .only(table: $0, rowKey: key) } ?? .unproved), "\(sql)")
            }
        }
    }
}
