import Testing

@testable import cistern

@Suite struct StatementScannerTests {
    @Test(arguments: [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;;; ", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', \"a;b\" ; x", ["SELECT ';', \"a;b\" ", "x"]),
        ("SELECT 'it''s;'; x", ["SELECT 'it''s;'", "x"]),
        ("SELECT 'a\\'; x", ["SELECT 'a\\'", "x"]),
        ("SELECT E'a\\';'; x", ["SELECT E'a\\';'", "x"]),
        ("SELECT $$a;b$$; x", ["SELECT $$a;b$$", "x"]),
        ("SELECT $t$a;$$;$t$; x", ["SELECT $t$a;$$;$t$", "x"]),
        ("SELECT $1; x", ["SELECT $1", "x"]),
        ("SELECT a$b$c; x", ["SELECT a$b$c", "x"]),
        ("-- a;b\nSELECT 1; -- c;d", ["-- a;b\nSELECT 1"]),
        ("/* a; /* b; */ c; */ SELECT 1; x", ["/* a; /* b; */ c; */ SELECT 1", "x"]),
        ("/* nothing */ ; -- more", []),
        (
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); x",
            [
                "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "x",
            ]
        ),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; x",
            [
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "x",
            ]
        ),
        ("BEGIN; x", ["BEGIN", "x"]),
        ("SELECT 'not ended", ["SELECT 'not ended"]),
        ("SELECT 'é;日'; x", ["SELECT 'é;日'", "x"]),
    ])
    func statements(text: String, expected: [String]) {
        #expect(StatementScanner.statements(in: text).map { $0.trimmed } == expected.map { $0.trimmed })
    }

    /// However the text is cut into lines, the statements are the same.
    @Test func lineByLine() {
        let text = "SELECT 'a\n;b', $x$\n;\n$x$ -- ;\n, /* ;\n*/ 2\n;\nx\n;"
        var scanner = StatementScanner()
        var ended: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { ended += scanner.read(line + "\n") }
        #expect(ended.map(\.trimmed) == StatementScanner.statements(in: text).map(\.trimmed))
        #expect(!scanner.isInStatement)
    }

    @Test func signs() {
        func sign(_ text: String) -> String {
            var scanner = StatementScanner()
            _ = scanner.read(text)
            return scanner.sign
        }
        #expect(sign("SELECT ") == "-")
        #expect(sign("SELECT '") == "'")
        #expect(sign("SELECT \"") == "\"")
        #expect(sign("SELECT (") == "(")
        #expect(sign("SELECT $a$") == "$")
        #expect(sign("SELECT /*") == "*")
    }

    /// Whatever bytes come, no byte of a statement is lost or made up.
    @Test func nothingIsLost() {
        var numbers = SystemRandomNumberGenerator()
        let alphabet = Array("ab'\"$;-/*\\(){}E1 \né")
        for _ in 0..<2000 {
            let text = String(
                (0..<Int.random(in: 0...30, using: &numbers)).map { _ in alphabet.randomElement(using: &numbers)! }
            )
            let statements = StatementScanner.statements(in: text)
            var rest = text[...]
            for statement in statements {
                let range = rest.firstRange(of: statement)
                #expect(range != nil, "\(text) → \(statements)")
                if let range { rest = rest[range.upperBound...] }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
