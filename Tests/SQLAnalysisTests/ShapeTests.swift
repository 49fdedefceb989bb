import SQLAnalysis
import Testing

@Suite("What a text names")
struct ShapeTests {
    private let analyzer = SQLAnalyzer()

    @Test(
        "relations stand in the order of the text, without common table expressions",
        arguments: [
            ("SELECT * FROM b JOIN s.a ON true, b AS again", ["b", "s.a"]),
            ("WITH x AS (SELECT * FROM y) SELECT * FROM x JOIN z ON true", ["y", "z"]),
            ("WITH x AS (SELECT * FROM x) SELECT * FROM x", ["x"]),
            ("WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT * FROM x) SELECT * FROM x", []),
            ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS s, x", ["x"]),
            ("WITH x AS (SELECT 1) SELECT * FROM s.x", ["s.x"]),
            ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", ["b"]),
            ("SELECT (SELECT max(a) FROM t WHERE EXISTS (SELECT FROM u)) FROM \"V V\"", ["t", "u", "V V"]),
            ("SELECT * FROM a UNION SELECT * FROM b EXCEPT TABLE c", ["a", "b", "c"]),
            ("INSERT INTO t SELECT * FROM u", ["t", "u"]),
            ("UPDATE t SET a = 1 FROM u WHERE t.a = u.a", ["t", "u"]),
            ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", ["t", "s"]),
            ("SELECT * FROM ONLY t, LATERAL (SELECT * FROM u) AS x, f(1)", ["t", "u"]),
        ]
    )
    func relations(sql: String, names: [String]) async {
        #expect(await analyzer.shape(of: sql).relations.sorted() == names.sorted())
    }

    @Test("the first relation is the first of the text")
    func firstRelation() async {
        #expect(await analyzer.shape(of: "SELECT * FROM b, a WHERE b.x IN (SELECT x FROM c)").relations.first == "b")
    }

    @Test("functions and parameters are found wherever they stand")
    func functionsAndParameters() async {
        let shape = await analyzer.shape(
            of: """
                SELECT s.f($3), sum(a) FILTER (WHERE g($1)) OVER (PARTITION BY h(a)) FROM k(1) AS x, t
                WHERE a = ANY ($1) ORDER BY l(a) LIMIT $10
                """
        )
        #expect(Set(shape.functions) == ["s.f", "sum", "g", "h", "k", "l"])
        #expect(shape.parameterNumbers == [1, 3, 10])
    }

    @Test(
        "rows 9, 10, 12, 13, 14: what the text alone says against caching",
        arguments: [
            ("SELECT CURRENT_DATE", "time_dependent:current_date"),
            ("SELECT current_timestamp(3)", "time_dependent:current_timestamp"),
            ("SELECT localtime", "time_dependent:localtime"),
            ("SELECT current_user", "stable_function:current_user"),
            ("SELECT SESSION_USER", "stable_function:session_user"),
            ("SELECT 'now'::timestamp", "time_dependent:now"),
            ("SELECT date 'now'", "time_dependent:now"),
            ("SELECT * FROM t WHERE a < ' Tomorrow '", "time_dependent:now"),
            ("SELECT CAST('today' AS date)", "time_dependent:now"),
            ("SELECT '[yesterday,)'::daterange", "time_dependent:now"),
            ("SELECT $$now$$::date", "time_dependent:now"),
            ("SELECT E'\\x6eow'::date", "time_dependent:now"),
            ("SELECT U&'n\\006fw'::date", "time_dependent:now"),
            ("SELECT * FROM t FOR SHARE", "locking_clause"),
            ("SELECT * FROM (SELECT * FROM t FOR UPDATE) AS x", "locking_clause"),
            ("SELECT * FROM t TABLESAMPLE system (1)", "volatile_function:tablesample"),
            ("SELECT xmin FROM t", "system_column:xmin"),
            ("SELECT * FROM t WHERE t.ctid = '(0,1)'", "system_column:ctid"),
            ("SELECT s.t.tableoid FROM s.t", "system_column:tableoid"),
            ("EXPLAIN SELECT 1", "unsupported_statement:EXPLAIN"),
            ("SHOW ALL", "unsupported_statement:SHOW"),
        ]
    )
    func bypass(sql: String, reason: String) async {
        #expect(await analyzer.shape(of: sql).bypass.reason == reason)
    }

    @Test(
        "ordinary texts have nothing against them",
        arguments: [
            "SELECT * FROM t", "SELECT 'call me today'", "SELECT 1 AS xmin", "SELECT 'xmin'", "SELECT 'now or never'",
            "SELECT '2024-01-01'::date", "SELECT '2024-01-01T00:00:00Z'::timestamptz",
        ]
    )
    func noBypass(sql: String) async {
        #expect(await analyzer.shape(of: sql).bypass == .cacheable)
    }
}

@Suite("Texts that PostgreSQL may read as a moving moment")
struct DateTimeInputTests {
    @Test(
        "moments that move",
        arguments: [
            "now", " NOW ", "today", "Tomorrow", "yesterday", "today 10:00", "today 10:00 PM", "[now,)", "(,today]",
            "{tomorrow}", "{\"2024-01-01\",\"now\"}", "now UTC", "today America/New_York", "today 10:00+02",
            "{now,NULL}",
            "[\"2024-01-01 00:00:00+00\",\"now\")", "(5,abc,today)", "{\"(call,now)\"}", "today EST5EDT", "(é,now)",
            "today allballs", "now()", "{[today,tomorrow]}",
        ]
    )
    func moves(text: String) {
        #expect(isDateTimeInput(text))
    }

    @Test(
        "everything else",
        arguments: [
            "", "call me today", "nowhere", "nów", "todays", "2024-01-01", "10:00 PM", "epoch", "infinity", "Monday",
            "buy-now", "shop_now", "now playing", "the day after tomorrow", "now@example.com", "é now", "42",
            "550e8400-e29b-41d4-a716-446655440000", "{a,b,today}", "{deals,today}",
        ]
    )
    func stays(text: String) {
        #expect(!isDateTimeInput(text))
    }
}
