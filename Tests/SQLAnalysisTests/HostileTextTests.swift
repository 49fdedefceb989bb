import SQLAnalysis
import Testing

/// Each of these would run through the stack of a small thread, or of a large one, if it were taken apart as it comes.
@Suite("Hostile texts", .serialized)
struct HostileTextTests {
    private let analyzer = SQLAnalyzer()

    private static func nested(_ count: Int, _ open: String, _ inside: String, _ close: String) -> String {
        String(repeating: open, count: count) + inside + String(repeating: close, count: count)
    }

    @Test(
        "too deep a nesting is not taken apart",
        arguments: [
            "SELECT " + nested(30_000, "(", "1", ")"),
            "SELECT " + nested(30_000, "(SELECT ", "1", ")"),
            "SELECT * FROM " + nested(5_000, "(SELECT * FROM ", "t", ") AS x"),
            "SELECT 1" + String(repeating: "+1", count: 30_000),
            "SELECT 1" + String(repeating: "::int", count: 30_000),
            "SELECT " + String(repeating: "- ", count: 30_000) + "1",
            "SELECT " + String(repeating: "NOT ", count: 30_000) + "true",
            "SELECT " + nested(10_000, "CASE WHEN true THEN ", "1", " END"),
            "SELECT " + nested(10_000, "ARRAY[", "1", "]"),
            "SELECT 1" + String(repeating: " UNION SELECT 1", count: 10_000),
            "SELECT * FROM t" + String(repeating: " JOIN t ON a AND b", count: 10_000),
            "SELECT 1 WHERE a AND b" + String(repeating: " UNION SELECT 1 WHERE a AND b", count: 10_000),
            "SELECT a" + String(repeating: " COLLATE \"C\"", count: 10_000),
            "SELECT " + nested(10_000, "f(a, ", "1", ")"),
            "SELECT " + nested(10_000, "coalesce(a AND ", "1", ")"),
            "SELECT x" + String(repeating: " AT TIME ZONE 'UTC'", count: 10_000),
            "SELECT t.and" + String(repeating: "+t.and", count: 30_000),
            "SELECT set" + String(repeating: "+set", count: 30_000),
            "SELECT t. /* x */ or" + String(repeating: "+t. where", count: 30_000),
            "SELECT " + nested(5_000, "(SELECT 1 end, ", "1", ")"),
            "SELECT " + nested(5_000, "(SELECT 1 AS end, ", "1", ")"),
            "SELECT " + nested(5_000, "(SELECT 1 case, 1 end, CASE WHEN ", "1", " THEN 1 END)"),
            "SELECT " + String(repeating: "NOT a BETWEEN 1 AND ", count: 5_000) + "1",
            "SELECT " + String(repeating: "a IS DISTINCT FROM NOT ", count: 5_000) + "1",
            "SELECT x" + String(repeating: " || x", count: 30_000),
        ]
    )
    func tooDeep(sql: String) async {
        #expect(await analyzer.shape(of: sql).kind == .unparsed)
    }

    @Test("a tree too large to be held is not built")
    func tooLarge() async {
        let sql = "SELECT * FROM t WHERE a IN (" + Array(repeating: "1", count: 100_000).joined(separator: ",") + ")"
        #expect(await analyzer.shape(of: sql).kind == .unparsed)
    }

    @Test("a large text that plainly writes is told by its tokens")
    func bulk() async {
        let rows = Array(repeating: "(1, 'a;b', $7)", count: 5_000).joined(separator: ",")
        let insert = await analyzer.shape(of: "/* x */ INSERT INTO t VALUES " + rows + ";")
        #expect(insert.kind == .write)
        #expect(!insert.changesSchema)
        #expect(insert.parameterNumbers == [7])
        #expect(await analyzer.shape(of: "INSERT INTO t VALUES \(rows); DROP TABLE t").kind == .multiple)
    }

    @Test("long lists are no deep trees")
    func longLists() async {
        let texts = [
            "SELECT * FROM t WHERE " + Array(repeating: "a = 1", count: 3_000).joined(separator: " AND "),
            "SELECT * FROM t WHERE " + Array(repeating: "a = 1 AND b < 2", count: 5_000).joined(separator: " OR "),
            "SELECT * FROM t WHERE a IN (" + Array(repeating: "1", count: 5_000).joined(separator: ",") + ")",
            "SELECT " + Array(repeating: "a + 1", count: 1_600).joined(separator: ", "),
            "SELECT CASE" + String(repeating: " WHEN a = 1 THEN b + 1", count: 1_500) + " END FROM t",
        ]
        for sql in texts { #expect(await analyzer.shape(of: sql).kind == .read, "\(sql.prefix(60))") }
        let insert = "INSERT INTO t VALUES " + Array(repeating: "(1, 'a', -2.5)", count: 5_000).joined(separator: ",")
        #expect(await analyzer.shape(of: insert).kind == .write)
    }

    @Test("what is as deep as allowed fits the stack")
    func asDeepAsAllowed() async {
        let texts = [
            "SELECT " + Self.nested(480, "(SELECT ", "1", ")"),
            "SELECT * FROM " + Self.nested(300, "(SELECT * FROM ", "t", ") AS x"),
            "SELECT 1" + String(repeating: "+1", count: 1_950),
            "SELECT " + String(repeating: "- ", count: 1_950) + "1",
            "SELECT " + Self.nested(400, "CASE WHEN true THEN ", "1", " END"),
            "SELECT 1" + String(repeating: " UNION SELECT 1", count: 1_900),
            "SELECT * FROM t" + String(repeating: " JOIN t ON a AND b", count: 1_900),
            "SELECT " + Self.nested(400, "f(a, ", "1", ")"),
        ]
        for sql in texts { #expect(await analyzer.shape(of: sql).kind == .read, "\(sql.prefix(60))") }
    }

    @Test("what is parsed where it is asked fits the stack of a thread of the pool")
    func asDeepAsInline() async {
        let texts = [
            "SELECT " + Self.nested(8, "(SELECT ", "1", ")"), "SELECT 1" + String(repeating: "+1", count: 37),
            "SELECT * FROM " + Self.nested(6, "(SELECT * FROM ", "t", ") AS x"),
            "SELECT " + Self.nested(7, "CASE WHEN true THEN ", "1", " END"),
            "SELECT * FROM t" + String(repeating: " JOIN t ON a AND b", count: 36),
            "SELECT " + String(repeating: "NOT ", count: 37) + "true",
        ]
        for sql in texts { #expect(await analyzer.shape(of: sql).kind == .read, "\(sql)") }
    }

    @Test("many at once are answered, each with its own")
    func manyAtOnce() async {
        let prefix = "SELECT " + Array(repeating: "a", count: 1_500).joined(separator: ",") + ", "
        await withTaskGroup(of: (Int, StatementShape).self) { group in
            for number in 0..<60 {
                group.addTask { [analyzer] in
                    (number, await analyzer.shape(of: number % 2 == 0 ? prefix + "$\(number)" : "SELECT $\(number)"))
                }
            }
            for await (number, shape) in group { #expect(shape.parameterNumbers == [number]) }
        }
    }

    @Test("random texts neither crash nor hang")
    func randomTexts() async {
        let words = [
            "SELECT", "(", ")", "'", "\"", "$1", "$$", "--", "/*", "*/", ",", "FROM", "t", ".", "E'\\", "U&'", "::",
            "[", "]",
            "CASE", "END", "WHEN", "\n", ";", "1", "é", "\u{1F600}", "AND", "UNION", "N'", "UESCAPE", "+", "\\",
            "\u{1}",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let count = Int.random(in: 0..<20, using: &random)
            let sql = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ")
            let shape = await analyzer.shape(of: sql)
            if shape.kind == .read {
                #expect(await analyzer.shape(of: shape.canonicalText).canonicalText == shape.canonicalText)
            }
        }
    }
}
