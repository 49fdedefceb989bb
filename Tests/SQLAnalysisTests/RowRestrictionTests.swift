import SQLAnalysis
import Testing

/// Which rows a statement touches, by its text. In doubt it is the whole table: `nil`.
@Suite struct RowRestrictionTests {
    static let id = RowKey(column: "id", kind: .integer)
    static let code = RowKey(column: "code", kind: .text)

    static let cases: [(sql: String, keys: [String]?)] = [
        // Reads.
        ("SELECT * FROM t WHERE id = $1", ["1"]), ("SELECT * FROM t WHERE $1 = id", ["1"]),
        ("SELECT * FROM s.t AS x WHERE x.id = 7 AND x.n > $1", ["7"]),
        ("SELECT * FROM t WHERE n = $1 AND (m = 3 AND id = $2)", ["2"]),
        ("SELECT * FROM ONLY t WHERE id = 5", ["5"]),
        ("SELECT * FROM t WHERE id = '12'", ["12"]), ("SELECT * FROM t WHERE id = 3000000000", ["3000000000"]),
        ("SELECT count(*) FROM t WHERE id IN (1, $2, 3, 1) GROUP BY n HAVING n > 1 ORDER BY n", ["1", "2", "3"]),
        ("SELECT id FROM t WHERE id = 1 LIMIT 1", ["1"]),
        ("SELECT * FROM t WHERE id = $1 AND n = $2 OR n = 5", nil), ("SELECT * FROM t WHERE id = $1 OR id = 2", nil),
        ("SELECT * FROM t WHERE NOT id = $1", nil), ("SELECT * FROM t WHERE id <> $1", nil),
        ("SELECT * FROM t WHERE id >= $1", nil), ("SELECT * FROM t WHERE id NOT IN (1, 2)", nil),
        ("SELECT * FROM t WHERE id IN (1, n)", nil), ("SELECT * FROM t WHERE id = n", nil),
        ("SELECT * FROM t WHERE id = $1 + 1", nil), ("SELECT * FROM t WHERE id + 0 = $1", nil),
        ("SELECT * FROM t WHERE id = $1::numeric", nil), ("SELECT * FROM t WHERE id::text = $1", nil),
        (#"SELECT * FROM t WHERE id = '1\'"#, nil), (#"SELECT * FROM t WHERE id = E'\x31'"#, ["1"]),
        // The parser's tree shows these two as one.
        ("SELECT * FROM t WHERE id = 0", nil), ("SELECT * FROM t WHERE id = -5", nil),
        ("SELECT * FROM t WHERE id IN (1, -1)", nil), ("INSERT INTO t (id) VALUES (0)", nil),
        ("SELECT * FROM t WHERE id = -3000000000", ["-3000000000"]), ("SELECT * FROM t WHERE id = '-5'", ["-5"]),
        ("SELECT * FROM t WHERE id = 1.5", nil), ("SELECT * FROM t WHERE id = ' 1'", nil),
        ("SELECT * FROM t WHERE id = 10000000000000000000", nil), ("SELECT * FROM t WHERE id = NULL", nil),
        ("SELECT * FROM t WHERE id IS NULL", nil), ("SELECT * FROM t WHERE (id = $1) IS TRUE", nil),
        ("SELECT * FROM t WHERE id OPERATOR(s.=) $1", nil), ("SELECT * FROM t WHERE id = ANY ($1)", nil),
        ("SELECT * FROM t WHERE id BETWEEN 1 AND 1", nil), ("SELECT * FROM t WHERE id IS NOT DISTINCT FROM 1", nil),
        ("SELECT id = $1 FROM t", nil), ("SELECT * FROM t", nil), ("SELECT * FROM t WHERE n = $1", nil),
        ("SELECT * FROM t HAVING id = 1", nil),
        // `$1` is what it is first taken for, which may be a number with other texts for the same.
        ("SELECT $1::float8 FROM t WHERE id = $1", nil), ("SELECT * FROM t WHERE id = $1 AND x = $1", nil),
        ("SELECT * FROM t WHERE id = $3", nil), ("SELECT * FROM t WHERE id = $4", nil),
        ("SELECT * FROM t WHERE id = $9", nil),
        // More than one table, or the same one twice.
        ("SELECT * FROM t, u WHERE id = $1", nil), ("SELECT * FROM t JOIN u USING (id) WHERE id = $1", nil),
        ("SELECT * FROM t AS a, t AS b WHERE a.id = $1", nil),
        ("SELECT (SELECT count(*) FROM t) FROM t WHERE id = $1", nil),
        ("SELECT * FROM t WHERE id = $1 AND EXISTS (SELECT FROM t AS u WHERE u.n = 1)", nil),
        ("SELECT * FROM t WHERE id = (SELECT 1)", nil), ("SELECT * FROM (SELECT * FROM t) AS t WHERE id = $1", nil),
        ("SELECT * FROM t WHERE id = $1 UNION SELECT * FROM t", nil),
        ("WITH t AS (SELECT * FROM u) SELECT * FROM t WHERE id = $1", nil),
        ("SELECT * FROM t AS x (n, id) WHERE id = $1", nil),
        ("SELECT * FROM t TABLESAMPLE SYSTEM (1) WHERE id = $1", nil),
        ("SELECT * FROM f(1) AS t WHERE id = $1", nil), ("SELECT * FROM unnest($1) AS id WHERE id = 1", nil),
        ("SELECT 1 WHERE 1 = 1", nil), ("VALUES (1)", nil), ("EXPLAIN SELECT * FROM t WHERE id = 1", nil),
        // Writes.
        ("UPDATE t SET n = $2 WHERE id = $1", ["1"]),
        ("UPDATE s.t AS x SET n = x.n + 1 WHERE x.id = $1 RETURNING *", ["1"]),
        ("UPDATE t SET n = 0 WHERE id IN ($1, $2) AND n > 5", ["1", "2"]), ("DELETE FROM t WHERE id = 3", ["3"]),
        ("UPDATE t SET (n, m) = (1, 2) WHERE id = $1", ["1"]),
        ("UPDATE t SET id = 5 WHERE id = $1", nil), ("UPDATE t SET (n, id) = (1, 2) WHERE id = $1", nil),
        ("UPDATE t SET n = 1", nil), ("UPDATE t SET n = 1 WHERE n = $1", nil), ("DELETE FROM t", nil),
        ("UPDATE t SET n = u.n FROM u WHERE t.id = $1", nil), ("DELETE FROM t USING u WHERE t.id = $1", nil),
        ("UPDATE t SET n = (SELECT max(n) FROM t) WHERE id = $1", nil),
        ("WITH x AS (DELETE FROM t) UPDATE t SET n = 1 WHERE id = $1", nil), ("DELETE FROM t WHERE CURRENT OF c", nil),
        ("INSERT INTO t (id, n) VALUES ($1, $2)", ["1"]), ("INSERT INTO t (n, id) VALUES (5, 1), (6, 2)", ["1", "2"]),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT DO NOTHING", ["1"]),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (n) DO NOTHING", ["1"]),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE t.n < 9", ["1"]),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (id) DO UPDATE SET id = 9", nil),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (n) DO UPDATE SET m = 1", nil),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (id, n) DO UPDATE SET m = 1", nil),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT (id) WHERE n > 0 DO UPDATE SET m = 1", nil),
        ("INSERT INTO t (id, n) VALUES ($1, 5) ON CONFLICT ON CONSTRAINT c DO UPDATE SET m = 1", nil),
        ("INSERT INTO t (id, n) OVERRIDING USER VALUE VALUES ($1, 5)", nil), ("INSERT INTO t VALUES ($1, 5)", nil),
        ("INSERT INTO t (n) VALUES (5)", nil), ("INSERT INTO t (id) VALUES (DEFAULT)", nil),
        ("INSERT INTO t (id) VALUES (1), (DEFAULT)", nil), ("INSERT INTO t (id) VALUES (1.4)", nil),
        ("INSERT INTO t (id) VALUES ($1 + 1)", nil), ("INSERT INTO t (id) SELECT 1", nil),
        ("INSERT INTO t (id) SELECT id FROM u WHERE id = 1", nil), ("INSERT INTO t DEFAULT VALUES", nil),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", nil), ("TRUNCATE t", nil),
        ("COPY t TO '/x'", nil), ("", nil), ("nonsense", nil),
    ]

    @Test(arguments: cases) func rows(_ sql: String, _ keys: [String]?) async {
        let shape = await SQLAnalyzer().shape(of: sql)
        #expect(shape.keys(Self.id) { Self.parameter($0) } == keys)
        // Of another column nothing is said.
        #expect(shape.keys(RowKey(column: "other", kind: .integer)) { Self.parameter($0) } == nil)
    }

    /// `$1` to `$9`: a number each, but for one that is NULL and one that is no number.
    private static func parameter(_ number: Int) -> String? {
        switch number {
        case 3: nil
        case 4: "1e0"
        case 9: nil
        default: String(number)
        }
    }

    @Test func longListsAreTheWholeTable() async {
        for (count, isKnown) in [(32, true), (33, false)] {
            let list = (1...count).map(String.init).joined(separator: ", ")
            for sql in ["SELECT * FROM t WHERE id IN (\(list))", "DELETE FROM t WHERE id IN (\(list))"] {
                let keys = await SQLAnalyzer().shape(of: sql).keys(Self.id) { _ in nil }
                #expect((keys?.count == count) == isKnown)
            }
        }
    }

    static let forms: [(RowKey.Kind, String, String?)] = [
        (.integer, "+7", "7"), (.integer, "007", "7"), (.integer, "-0", "0"), (.integer, "7 ", nil),
        (.integer, "0x7", nil), (.integer, "1_000", nil), (.integer, "9223372036854775808", nil), (.integer, "", nil),
        (.text, "Café ", "Café "), (.text, "", ""), (.text, "7.0", "7.0"),
        (.uuid, "{A0EEBC99-9C0B4EF8-BB6D6BB9BD380A11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
        (.uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"), (.uuid, "a0eebc99", nil),
    ]

    @Test(arguments: forms) func equalValuesShareOneForm(_ kind: RowKey.Kind, _ text: String, _ form: String?) async {
        let shape = await SQLAnalyzer().shape(of: "SELECT n FROM t WHERE id = $1")
        let keys = shape.keys(RowKey(column: "id", kind: kind)) { _ in text }
        #expect(keys?.first.map { Array($0.utf8) } == form.map { Array($0.utf8) })
    }
}
