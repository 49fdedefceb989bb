import SQLAnalysis
import Testing

@Suite("Canonical text")
struct CanonicalTextTests {
    private let analyzer = SQLAnalyzer()

    @Test(
        "row 6: the same statement in other case, spacing or with comments has the same text",
        arguments: [
            ("SELECT id FROM products WHERE id = $1", "select  ID\n\tfrom Products where iD=$1;"),
            ("SELECT 1", "/* a /* nested */ comment */ SELECT -- one\n 1 -- the end"),
            ("SELECT a FROM t", ";;SELECT a FROM t;;  "),
            ("SELECT a.b, c.* FROM s.t AS a", "SELECT a . b , c . * FROM s . t AS a"),
            ("SELECT count(*) FROM t", "select COUNT ( * ) from t"),
            ("SELECT 'it''s'", "SELECT $$it's$$"),
            ("SELECT 'it''s'", "SELECT E'it''s'"),
            ("SELECT 'ab'", "SELECT 'a'\n  'b'"),
            ("SELECT $tag$a$tag$", "SELECT 'a'"),
            ("SELECT * FROM t WHERE a <> 1", "SELECT * FROM t WHERE a != 1"),
            ("SELECT \"id\" FROM \"products\"", "SELECT id FROM products"),
            ("SELECT $1, $02", "SELECT $01, $2"),
            ("SELECT x'1F', b'01', 1E5", "SELECT X'1f', B'01', 1e5"),
            ("SELECT a::int, b[1]", "SELECT a :: INT, b [ 1 ]"),
            ("SELECT N'a'", "SELECT n'a'"),
            ("SELECT 1 WHERE 1 NOT IN (2)", "SELECT 1 WHERE 1 NOT /* x */ IN -- y\n (2)"),
            ("SELECT 1 ORDER BY 1 NULLS FIRST", "SELECT 1 ORDER BY 1 NULLS /* x /* y */ */ FIRST"),
            ("SELECT U&'\\0061' UESCAPE '!', 1", "SELECT U&'\\0061' /* x */ uescape '!' , 1"),
            ("SELECT U&\"\\0061\"  FROM t", "SELECT U&\"\\0061\" -- x\n FROM t"),
            ("SELECT 1 FROM U&\"\\0061\"", "SELECT 1 FROM U&\"\\0061\" ;"),
            ("SELECT 'é' AS ключ", "select 'é'  as ключ"),
            ("SELECT 1 AS Value", "SELECT 1 AS value"),
        ]
    )
    func sharesText(pair: (String, String)) async {
        let one = await analyzer.shape(of: pair.0)
        let other = await analyzer.shape(of: pair.1)
        #expect(one.kind == .read)
        #expect(one.canonicalText == other.canonicalText)
        #expect(one.template == other.template)
        #expect(one.fingerprint == other.fingerprint)
    }

    @Test(
        "rows 7 and 8: what PostgreSQL tells apart has another text",
        arguments: [
            ("SELECT 1 a", "SELECT 1 b"),
            ("SELECT 'A'", "SELECT 'a'"),
            ("SELECT \"A\" FROM t", "SELECT a FROM t"),
            ("SELECT \"A\" FROM t", "SELECT \"a\" FROM t"),
            ("SELECT $1", "SELECT 1"),
            ("SELECT $1", "SELECT '$1'"),
            ("SELECT $1", "SELECT $2"),
            ("SELECT $1, 2", "SELECT 1, $2"),
            ("SELECT 1", "SELECT '1'"),
            ("SELECT 1", "SELECT 1.0"),
            ("SELECT 1.0", "SELECT 1.00"),
            ("SELECT 'a  b'", "SELECT 'a b'"),
            ("SELECT 'a -- b'", "SELECT 'a '"),
            ("SELECT '/* a */'", "SELECT ''"),
            ("SELECT '\\n'", "SELECT E'\\n'"),
            ("SELECT '\\n'", "SELECT $$\\n$$"),
            ("SELECT E'\\\\'", "SELECT '\\'"),
            ("SELECT U&'\\0061'", "SELECT '\\0061'"),
            ("SELECT U&\"\\0061\" FROM t", "SELECT \"\\0061\" FROM t"),
            ("SELECT 'a', 'b'", "SELECT 'a'', ''b'"),
            ("SELECT a - -1 FROM t", "SELECT a + 1 FROM t"),
            ("SELECT a->b FROM t", "SELECT a - (>b) FROM t"),
            ("SELECT a->'b' FROM t", "SELECT a->>'b' FROM t"),
            ("SELECT \"user\"", "SELECT user"),
            ("SELECT \"current_date\" FROM t", "SELECT current_date FROM t"),
            ("SELECT n 'a'", "SELECT N'a'"),
            ("SELECT \"a.b\" FROM t", "SELECT a.b FROM t"),
            ("SELECT \"a b\" FROM t", "SELECT a b FROM t"),
            ("SELECT \"a\"\"b\" FROM t", "SELECT \"ab\" FROM t"),
            ("SELECT x'1f'", "SELECT b'1'"),
            ("SELECT * FROM a, b", "SELECT * FROM b, a"),
            ("SELECT CAST(a AS int) FROM t", "SELECT a FROM t"),
            ("SELECT a FROM t LIMIT 1", "SELECT a FROM t LIMIT 2"),
            // Numbers of newer servers.
            ("SELECT 0x1F", "SELECT 0 x1F"),
            ("SELECT 1_000", "SELECT 1 _000"),
        ]
    )
    func differs(pair: (String, String)) async {
        let one = await analyzer.shape(of: pair.0).canonicalText
        let other = await analyzer.shape(of: pair.1).canonicalText
        #expect(one != other)
    }

    @Test("the canonical text is read back as itself")
    func isStable() async {
        let texts = [
            "select A.b, \"C\".d, (f(x))[1].g, (t).h FROM s.t a WHERE a->>'x' = $1 AND b IN (1, 2.5) AND NOT -c < +1",
            "SELECT CASE WHEN a THEN 'x' ELSE $$y'z$$ END, ARRAY[1,2]::int[], interval '1 day', $1::numeric(9, 2)",
            "WITH x AS (SELECT 1) SELECT * FROM x ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET 2",
            "SELECT N'a', \"select\", \"Quoted\", U&'\\0061' UESCAPE '!', E'\\t' FROM \"t t\"",
        ]
        for text in texts {
            let first = await analyzer.shape(of: text).canonicalText
            let second = await analyzer.shape(of: first)
            #expect(second.kind == .read, "\(first)")
            #expect(second.canonicalText == first)
        }
    }

    @Test("it is written as one would write it")
    func isReadable() async {
        let shape = await analyzer.shape(of: "SELECT  P.Id,COUNT( * ) FROM Products   P WHERE p.price>= 1.50::NUMERIC")
        #expect(shape.canonicalText == "select p.id, count(*) from products p where p.price >= 1.50::numeric")
        #expect(shape.template == "select p.id, count(*) from products p where p.price >= ?numeric::numeric")
    }

    @Test("texts that differ in constants of one kind share a template, others do not")
    func templates() async {
        func template(_ sql: String) async -> String { await analyzer.shape(of: sql).template }
        let one = await template("SELECT * FROM t WHERE a = 1")
        #expect(await template("SELECT * FROM t WHERE a = 22") == one)
        for other in ["'1'", "1.5", "3000000000", "b'1'", "x'1'", "$1", "NULL", "true", "2147483648", "1e100"] {
            #expect(await template("SELECT * FROM t WHERE a = \(other)") != one, "\(other)")
        }
        #expect(await template("SELECT 3000000000") != template("SELECT 99999999999999999999"))
        #expect(await template("SELECT -2147483648") != template("SELECT -2147483649"))
    }

    @Test("a constant that moves is told by the template")
    func movingTemplates() async {
        let still = await analyzer.shape(of: "SELECT 'soon'::date")
        let moving = await analyzer.shape(of: "SELECT 'now'::date")
        let escaped = await analyzer.shape(of: "SELECT E'\\x6eow'::date")
        #expect(still.template != moving.template)
        #expect(escaped.template == moving.template)
        #expect(still.fingerprint == moving.fingerprint)
    }
}
