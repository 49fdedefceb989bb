import JSONText
import ProcessSupport
import TestSupport
import Testing

/// A write of single rows leaves what hangs on others, and nothing else.
@Suite("Writes of single rows")
struct RowTests {
    private static let tables = [
        "CREATE TABLE items (id int PRIMARY KEY, code text UNIQUE, n int)",
        "INSERT INTO items SELECT i, 'c' || i, i FROM generate_series(1, 20) AS i",
        "CREATE TABLE words (word text PRIMARY KEY, n int)",
        "INSERT INTO words VALUES ('a', 1), ('B', 2), ('café', 3), (E'cafe\\u0301', 4), ('', 5), (' ', 6)",
        "CREATE TABLE marks (id uuid PRIMARY KEY, n int)",
        "INSERT INTO marks SELECT ('00000000-0000-0000-0000-00000000000' || i)::uuid, i FROM generate_series(1, 9) AS i",
        // A name that stands for another column than the table's own.
        "CREATE VIEW turned AS SELECT n AS id, id AS n FROM items",
        "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100)", "INSERT INTO parts VALUES (1, 1), (2, 2)",
        "CREATE TABLE base (id int PRIMARY KEY, n int)", "CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (base)",
        "INSERT INTO base VALUES (1, 1)", "INSERT INTO heir VALUES (1, 2), (2, 3)",
        // A key that follows from another column.
        "CREATE TABLE computed (n int, id int GENERATED ALWAYS AS (n % 10) STORED PRIMARY KEY)",
        "INSERT INTO computed VALUES (1), (2)",
        // A write of one row that changes others.
        "CREATE TABLE pairs (id int PRIMARY KEY, n int)", "INSERT INTO pairs VALUES (1, 1), (2, 2)",
        """
        CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF pg_trigger_depth() = 1 THEN UPDATE pairs SET n = NEW.n WHERE id <> NEW.id; END IF; RETURN NEW;
        END $$
        """,
        "CREATE TRIGGER meddle AFTER UPDATE ON pairs FOR EACH ROW EXECUTE FUNCTION meddle()",
        "CREATE TABLE parent (id int PRIMARY KEY)", "INSERT INTO parent VALUES (1), (2)",
        """
        CREATE TABLE child (id int PRIMARY KEY REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, n int)
        """,
        "INSERT INTO child VALUES (1, 1), (2, 2)",
        // A length that cuts what is inserted.
        "CREATE TABLE short (word varchar(2) PRIMARY KEY, n int)", "INSERT INTO short VALUES ('xy', 1)",
    ]

    private static func open(_ body: @escaping @Sendable (Site) async throws -> Void) async throws {
        try await Site.open { site in
            for statement in tables { try await site.database.execute(statement) }
            try await body(site)
        }
    }

    private static let id3 = "SELECT n FROM items WHERE id = 3"
    private static let id5 = "SELECT n FROM items WHERE id = 5"
    private static let both = "SELECT n FROM items WHERE id IN (5, 7) ORDER BY id"
    private static let wide = "SELECT sum(n) FROM items"
    private static let byCode = "SELECT n FROM items WHERE code = 'c3'"
    private static let missing = "SELECT n FROM items WHERE id = 30"

    @Test(
        "What hangs on other rows stays in memory and in Redis; everything else is stale",
        arguments: [
            ("UPDATE items SET n = n + 1 WHERE id = 3", [id3, wide, byCode]),
            ("UPDATE items SET n = n + 1 WHERE id IN (3, 7)", [id3, both, wide, byCode]),
            (#"{"sql":"UPDATE items SET n = $2 WHERE id = $1 RETURNING n","params":[3,"77"]}"#, [id3, wide, byCode]),
            ("DELETE FROM items WHERE id = 7", [both, wide, byCode]),
            ("INSERT INTO items (id, n) VALUES (30, 4)", [missing, wide, byCode]),
            ("INSERT INTO items (id, n) VALUES (3, 4) ON CONFLICT (id) DO UPDATE SET n = -1", [id3, wide, byCode]),
            // The whole table.
            ("UPDATE items SET n = n + 1 WHERE code = 'c3'", [id3, id5, both, wide, byCode]),
            ("UPDATE items SET n = n + 1", [id3, id5, both, wide, byCode]),
            ("UPDATE items SET id = 30 WHERE id = 3", [id3, id5, both, missing, wide, byCode]),
            (
                #"{"op":"transaction","statements":[{"sql":"UPDATE items SET n = 9 WHERE id = 3"}]}"#,
                [id3, id5, both, wide, byCode]
            ),
        ]
    )
    func whatStays(write: String, touched: [String]) async throws {
        try await Self.open { site in
            let freshness = try await site.freshness()
            let all = [Self.id3, Self.id5, Self.both, Self.wide, Self.byCode, Self.missing]
            let written = try await freshness.check(write, reads: touched, changes: false)
            #expect(written.invalidated == ["\(site.name).items"], "\(written)")
            for sql in all { try await freshness.fill(sql) }
            let again = try await (write.hasPrefix("{") ? freshness.writer.ask(write) : freshness.writer.query(write))
            // A second row of that key is refused, and nothing is changed.
            let isRefused = !again.isOK
            let isHeard = try await eventually(within: .seconds(1)) {
                isRefused ? true : try await freshness.other.query(Self.wide).cache != "memory"
            }
            #expect(isHeard)
            for sql in all where sql != Self.wide {
                let stays = isRefused || !touched.contains(sql) && touched.count < 5
                for client in [freshness.writer, freshness.other] {
                    let answer = try await client.query(sql)
                    #expect((answer.cache == "memory") == stays, "\(sql) after \(write): \(answer)")
                    _ = try await client.query(sql)
                }
            }
            // In Redis too: a proxy that has nothing in memory.
            let third = try await site.client()
            for sql in [Self.id5, Self.id3] { #expect(try await third.query(sql).cache == "redis", "\(sql)") }
        }
    }

    @Test("Rows are not told apart where that is switched off")
    func switchedOff() async throws {
        try await Self.open { site in
            let client = try await site.client(["CISTERN_CACHE_ROW_PRECISION": "false"])
            for _ in 0..<2 { _ = try await client.query(Self.id5) }
            _ = try await client.query("UPDATE items SET n = 8 WHERE id = 3")
            #expect(try await client.query(Self.id5).cache == "miss")
            let explained = try await client.query(Self.id5, #""op":"explain""#)
            #expect(!explained.text.contains("row:"), "\(explained)")
        }
    }

    @Test("explain names the row")
    func explained() async throws {
        try await Self.open { site in
            let client = try await site.client()
            let answer = try await client.query(Self.id5, #""op":"explain""#)
            let tags = answer.json["tags"]?.array?.compactMap(\.string) ?? []
            #expect(tags.contains("table:\(site.name).items"), "\(answer)")
            #expect(tags.contains { $0.hasPrefix("row:\(site.name).items#") }, "\(answer)")
            let wide = try await client.query(Self.wide, #""op":"explain""#)
            #expect(!wide.text.contains("row:"), "\(wide)")
        }
    }

    // MARK: By chance

    /// Reads and writes of every kind, in an order by chance: each read must answer what PostgreSQL does.
    private struct Workload {
        var random: SeededNumbers

        mutating func id() -> Int { Int.random(in: 1...9, using: &random) }

        mutating func word() -> String {
            ["'a'", "'B'", "'b'", "U&'caf\\00e9'", "U&'cafe\\0301'", "''", "' '", "'xy'", "'xy '"].randomElement(
                using: &random
            )
                ?? "''"
        }

        mutating func mark() -> String {
            let digits = "0000000000000000000000000000000\(id())"
            return [
                "'\(digits)'", "'{00000000-0000-0000-0000-\(digits.suffix(12))}'",
                "'00000000-0000-0000-0000-\(digits.suffix(12))'",
            ].randomElement(using: &random) ?? "''"
        }

        mutating func request(_ sql: String, _ parameters: [String]) -> String {
            #"{"sql":"\#(sql.replacing("\\", with: "\\\\"))","params":[\#(parameters.joined(separator: ","))]}"#
        }

        mutating func read() -> String {
            let (id, other) = (id(), id())
            return [
                request("SELECT id, n FROM items WHERE id = $1", ["\(id)"]),
                request("SELECT id, n FROM items WHERE id = $1", ["\" \(id)\""]),
                request("SELECT n FROM items WHERE id = $1 AND n > $2", ["\"+\(id)\"", "0"]),
                request("SELECT n FROM items WHERE id = $1 OR n = 3", ["\(id)"]),
                request("SELECT id, n FROM items WHERE id IN (\(id), $1) ORDER BY id", ["\(other)"]),
                request("SELECT n FROM items WHERE id = $1::numeric", ["\"\(id).0\""]),
                request("SELECT count(*), sum(n) FROM items", []),
                request("SELECT n FROM items WHERE code = $1", ["\"c\(id)\""]),
                request("SELECT n FROM turned WHERE id = $1 ORDER BY n", ["\(id)"]),
                request("SELECT a.n, b.n FROM items AS a JOIN items AS b ON b.id = a.n WHERE a.id = $1", ["\(id)"]),
                request("SELECT n, (SELECT max(n) FROM items) FROM items WHERE id = $1", ["\(id)"]),
                request("SELECT i.n, w.n FROM items AS i, words AS w WHERE i.id = $1 AND w.n = 3", ["\(id)"]),
                request("SELECT n FROM words WHERE word = \(word())", []),
                request(
                    "SELECT word, n FROM words WHERE word IN (\(word()), \(word())) ORDER BY word COLLATE \\\"C\\\"",
                    []
                ),
                request("SELECT n FROM marks WHERE id = \(mark())", []),
                request("SELECT sum(n) FROM marks", []), request("SELECT n FROM parts WHERE id = $1", ["\(id % 3)"]),
                request("SELECT n FROM base WHERE id = $1 ORDER BY n", ["\(id % 3)"]),
                request("SELECT n FROM heir WHERE id = $1", ["\(id % 3)"]),
                request("SELECT n FROM computed WHERE id = $1", ["\(id)"]),
                request("SELECT n FROM pairs WHERE id = $1", ["\(id % 3)"]),
                request("SELECT n FROM child WHERE id = $1", ["\(id)"]),
                request("SELECT n FROM short WHERE word = \(word())", []),
            ].randomElement(using: &random) ?? ""
        }

        mutating func write() -> String {
            let (id, other, n) = (id(), id(), Int.random(in: 1...99, using: &random))
            return [
                request("UPDATE items SET n = $2 WHERE id = $1", ["\(id)", "\(n)"]),
                request("UPDATE items SET n = n + 1 WHERE id = $1 AND n > 0", ["\" \(id)\""]),
                request("UPDATE items SET n = \(n) WHERE id IN ($1, \(other))", ["\(id)"]),
                request("UPDATE items SET n = \(n) WHERE id = $1 OR id = $2", ["\(id)", "\(other)"]),
                request("UPDATE items SET n = \(n) WHERE code = $1", ["\"c\(id)\""]),
                request("UPDATE items SET n = \(n) WHERE id = $1::float8", ["\"\(id).0\""]),
                request("UPDATE items SET id = $2 WHERE id = $1", ["\(id)", "\(other)"]),
                request("UPDATE items SET (n, id) = ($1, $2) WHERE id = \(id)", ["\(n)", "\(other)"]),
                request("UPDATE turned SET n = n WHERE id = $1", ["\(id)"]),
                request("UPDATE turned SET id = \(n) WHERE n = $1", ["\(id)"]),
                request("DELETE FROM items WHERE id = $1", ["\(id)"]),
                request("DELETE FROM items AS i USING words AS w WHERE i.id = $1 AND w.n = 3", ["\(id)"]),
                request("INSERT INTO items (n, id) VALUES ($1, $2)", ["\(n)", "\(id)"]),
                request("INSERT INTO items VALUES ($1, 'c' || $1, \(n)) ON CONFLICT DO NOTHING", ["\(id)"]),
                request(
                    "INSERT INTO items (id, code, n) VALUES ($1, $2, \(n)) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
                    ["\(id)", "\"c\(other)\""]
                ),
                request(
                    "INSERT INTO items (id, code, n) VALUES ($1, $2, \(n)) ON CONFLICT (code) DO UPDATE SET n = excluded.n",
                    ["\(id + 100)", "\"c\(other)\""]
                ),
                request("INSERT INTO items (id, n) VALUES (\(id), 1), (\(other), 2) ON CONFLICT DO NOTHING", []),
                request("WITH x AS (UPDATE items SET n = \(n) WHERE id = \(other)) SELECT 1", []),
                request("UPDATE words SET n = \(n) WHERE word = \(word())", []),
                request(
                    "INSERT INTO words (word, n) VALUES (\(word()), \(n)) ON CONFLICT (word) DO UPDATE SET n = \(n)",
                    []
                ),
                request("DELETE FROM words WHERE word = \(word())", []),
                request("UPDATE marks SET n = \(n) WHERE id = \(mark())", []),
                request("UPDATE parts SET n = \(n) WHERE id = $1", ["\(id % 3)"]),
                request("UPDATE part SET n = \(n) WHERE id = $1", ["\(id % 3)"]),
                request("UPDATE base SET n = \(n) WHERE id = $1", ["\(id % 3)"]),
                request("UPDATE heir SET n = \(n) WHERE id = $1", ["\(id % 3)"]),
                request("UPDATE computed SET n = \(n) WHERE id = $1", ["\(id)"]),
                request("UPDATE pairs SET n = \(n) WHERE id = $1", ["\(id % 3)"]),
                request("UPDATE parent SET id = $2 WHERE id = $1", ["\(id)", "\(other)"]),
                request("DELETE FROM short WHERE word = \(word())", []),
                request("INSERT INTO short (word, n) VALUES (\(word()), \(n)) ON CONFLICT DO NOTHING", []),
            ].randomElement(using: &random) ?? ""
        }
    }

    /// - Returns: reads that answered something else than PostgreSQL.
    private static func wrongReads(_ site: Site, seed: UInt64, withoutGuard missing: String?) async throws -> [String] {
        var workload = Workload(random: SeededNumbers(seed: seed))
        let writer = try await site.proxy(withoutGuard: missing).client()
        let other = try await site.proxy(withoutGuard: missing).client()
        var wrong: [String] = []
        var kept = 0
        for _ in 0..<250 {
            let reads = (0..<8).map { _ in workload.read() }
            for read in reads { _ = try await writer.ask(read) }
            let write = workload.write()
            _ = try await writer.ask(write)
            for read in reads {
                let answer = try await writer.ask(read)
                if answer.cache == "memory" { kept += 1 }
                let strict = try await other.ask(read.dropLast() + #","consistency":"strict"}"#)
                let truth = Freshness.outcome(try await writer.ask(read.dropLast() + #","cache":false}"#))
                for (place, outcome) in [("here", answer), ("strict elsewhere", strict)]
                where Freshness.outcome(outcome) != truth {
                    wrong.append("\(place) \(read) after \(write): \(outcome) and not \(truth)")
                }
            }
        }
        // Else the test would say nothing.
        #expect(kept > 100)
        return wrong
    }

    @Test("Every read answers what PostgreSQL does, whatever was written", arguments: [1, 2] as [UInt64])
    func byChance(seed: UInt64) async throws {
        try await Self.open { site in
            let wrong = try await Self.wrongReads(site, seed: seed, withoutGuard: nil)
            #expect(wrong.isEmpty, "\(wrong.prefix(3).joined(separator: "\n"))")
        }
    }

    @Test("That is noticed when writes of rows do not reach their tables")
    func withoutGuard() async throws {
        try await Self.open { site in
            let wrong = try await Self.wrongReads(site, seed: 1, withoutGuard: "row-writes-reach-tables")
            #expect(!wrong.isEmpty)
        }
    }
}
