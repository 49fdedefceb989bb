import Testing

@testable import ProxyConfiguration

@Suite struct TOMLDocumentTests {
    /// Every key and value of a document as `path key-position value-position`.
    private func places(_ text: String) -> [String] {
        let document = TOMLDocument(parsing: text)
        #expect(document.errors.isEmpty)
        return document.entries.flatMap { places($0, under: "") }
    }

    private func places(_ entry: TOMLEntry, under path: String) -> [String] {
        let key = entry.keyPosition
        return ["\(path)\(entry.key) \(key.line):\(key.column)"] + places(entry.node, under: "\(path)\(entry.key)")
    }

    private func places(_ node: TOMLNode, under path: String) -> [String] {
        let place = "\(path)= \(node.position.line):\(node.position.column)"
        return switch node.value {
        case .table(let entries): entries.flatMap { places($0, under: "\(path).") }
        case .array(let nodes):
            [place] + nodes.enumerated().flatMap { places($0.element, under: "\(path)[\($0.offset)]") }
        default: [place]
        }
    }

    @Test(arguments: [
        ("a = 1", ["a 1:1", "a= 1:5"]),
        ("\n# a = 0\n\n  a\t=  \"x\" # b = 2\nb=true", ["a 4:3", "a= 4:8", "b 5:1", "b= 5:3"]),
        (
            "[t]\na = 1\n[ u . v ]\nb = 2",
            ["t 1:2", "t.a 2:1", "t.a= 2:5", "u 3:3", "u.v 3:7", "u.v.b 4:1", "u.v.b= 4:5"]
        ),
        ("a.b = 1\na.c = 2", ["a 1:1", "a.b 1:3", "a.b= 1:7", "a.c 2:3", "a.c= 2:7"]),
        (
            "a = { b = 1, c = [2, 3] }",
            ["a 1:1", "a.b 1:7", "a.b= 1:11", "a.c 1:14", "a.c= 1:18", "a.c[0]= 1:19", "a.c[1]= 1:22"]
        ),
        (
            "a = [ # one\n  \"#]\", # two\n  '''x\ny''',\n]\nb = 1",
            ["a 1:1", "a= 1:5", "a[0]= 2:3", "a[1]= 3:3", "b 6:1", "b= 6:5"]
        ),
        ("\"a b\".'c.d' = 1", ["a b 1:1", "a b.c.d 1:7", "a b.c.d= 1:15"]),
        ("\"\\u00e9\" = '\\'\nb = \"\\\"\\\\\"", ["é 1:1", "é= 1:12", "b 2:1", "b= 2:5"]),
        (
            "a = \"\"\"\n\\\n  [x]\nb = 2\\\"\"\"\"\"\"\nc = ''''''\nd = ''",
            ["a 1:1", "a= 1:5", "c 5:1", "c= 5:5", "d 6:1", "d= 6:5"]
        ),
        ("ñ_is_a_comment = 1".replacing("ñ_is_a_comment", with: "a"), ["a 1:1", "a= 1:5"]),
        ("a = \"ñ😀\" # é\nb = [\"é\", 1]", ["a 1:1", "a= 1:5", "b 2:1", "b= 2:5", "b[0]= 2:6", "b[1]= 2:11"]),
        ("a = 1\r\n\r\n[t]\r\nb = 2\r\n", ["a 1:1", "a= 1:5", "t 3:2", "t.b 4:1", "t.b= 4:5"]),
        ("\u{FEFF}a = 1", ["a 1:1", "a= 1:5"]),
        (
            "a = 1979-05-27 07:32:00 # x\nb = -1.5e3\nc = 0xff",
            ["a 1:1", "a= 1:5", "b 2:1", "b= 2:5", "c 3:1", "c= 3:5"]
        ),
        (
            "[[t]]\na = 1\n[[t]]\na = 2\n[t.u]\nb = 3",
            [
                "t 1:3", "t= 1:3", "t[0].a 2:1", "t[0].a= 2:5", "t[1].a 4:1", "t[1].a= 4:5", "t[1].u 5:4",
                "t[1].u.b 6:1", "t[1].u.b= 6:5",
            ]
        ),
    ])
    func tellsWhereThingsStand(text: String, expected: [String]) {
        #expect(places(text) == expected)
    }

    @Test func readsEveryKindOfValue() throws {
        let entries = TOMLDocument(parsing: "a = 'x'\nb = 2\nc = 2.5\nd = true\ne = [1]\nf = {}\ng = 07:32:00").entries
        let one = TOMLNode(value: .integer(1), position: SourcePosition(line: 5, column: 6))
        #expect(
            entries.map(\.node.value) == [
                .string("x"), .integer(2), .float(2.5), .boolean(true), .array([one]), .table([]), .other,
            ]
        )
    }

    @Test(arguments: [
        ("a = ", ["1:5"]), ("a = 1 2", ["1:7"]), ("a", ["1:2"]), ("[t", ["1:3"]), ("[]", ["1:2"]), ("= 1", ["1:1"]),
        ("a = \"x", ["1:5"]), ("a = '''x\nb = 1\n", ["1:5"]), ("a = \"x\ny\"", ["1:5"]), ("a.b. = 1", ["1:6"]),
        ("a = \"\\x\"", ["1:6"]), ("a = \"\\ud800\"", ["1:6"]), ("a = \"x\u{1}\"", ["1:7"]), ("a = 1 # \u{7}", ["1:9"]),
        ("a = 1\rb = 2", ["1:6"]), ("'''a''' = 1", ["1:1"]), ("a = 64MB", ["1:5"]), ("a = 01", ["1:5"]),
        ("a = 1__0", ["1:5"]), ("a = 1.", ["1:5"]), ("a = .5", ["1:5"]), ("a = 9223372036854775808", ["1:5"]),
        ("a = 0x+1", ["1:5"]), ("a = {b = 1,}", ["1:12"]), ("a = {b = 1, b = 2}", ["1:13"]), ("[ [a]]", ["1:3"]),
        ("[[a] ]", ["1:5"]),
        // A broken line does not hide the next, and what is right stays readable.
        ("a = \nb = 1\nc = tru\n", ["1:5", "3:5"]),
        // What is there twice, and what cannot be added to.
        ("a = 1\na = 2\nb = ]", ["2:1", "3:5"]), ("[t]\n[u]\n[t]\na = ?", ["3:2", "4:5"]), ("[a.b]\n[a]\n[a]", ["3:2"]),
        ("a.b = 1\n[a]", ["2:2"]), ("a = {}\na.b = 1", ["2:1"]), ("a = {}\n[a.b]", ["2:2"]), ("[a]\n[[a]]", ["2:3"]),
        ("[[a]]\n[a]", ["2:2"]), ("a = [1]\n[[a]]", ["2:3"]), ("[a.b]\n[a]\nb.c = 1", ["3:1"]),
        // A list that was not closed, or has a mistake inside, is one mistake.
        ("a = [1,\nb = 2\nc = 3\n[t]\nd = 4", ["2:1"]), ("a = [\n1 2,\n'c',\n]\nd = 4 4", ["2:3", "5:7"]),
        // What follows a broken header is not read as the keys of the table before it.
        ("[t]\na = 1\n[u\na = 2", ["3:3"]),
        // Depth that would use up a stack.
        (String(repeating: "a.", count: 100_000) + "a = 1", ["1:65"]),
        ("a = " + String(repeating: "[", count: 100_000), ["1:37"]),
        ("a = " + String(repeating: "{a=", count: 100_000), ["1:101"]),
        ("é = 1", ["1:1"]), ("a = \"é\" x", ["1:9"]), ("a = \"x\0y\"", ["1:7"]),
    ])
    func tellsWhereTheSyntaxIsWrong(text: String, expected: [String]) {
        #expect(TOMLDocument(parsing: text).errors.map { "\($0.position.line):\($0.position.column)" } == expected)
    }

    @Test(arguments: [
        ("'a\\nb'", "a\\nb"), ("\"a\\n\\t\\\"\\\\\\u00e9\\U0001F600\\b\\f\\r\"", "a\n\t\"\\é😀\u{8}\u{C}\r"),
        ("\"\"\"\nx\ny\"\"\"", "x\ny"), ("\"\"\"\r\nx\"\"\"", "x"), ("\"\"\"x \\  \n\n  y\"\"\"", "x y"),
        ("'''''x'''''", "''x''"), ("\"\"\"\"x\"\"\"\"", "\"x\""), ("\"\"", ""), ("''''''", ""), ("'''\n\n'''", "\n"),
    ])
    func readsStrings(text: String, expected: String) {
        #expect(TOMLDocument(parsing: "a = \(text)").entries.first?.node.value == .string(expected))
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("+17", .integer(17)), ("1_000", .integer(1000)),
            ("0xDEAD_beef", .integer(0xDEAD_BEEF)), ("0o755", .integer(493)), ("0b101", .integer(5)),
            ("-9223372036854775808", .integer(.min)), ("1.5", .float(1.5)), ("-0.5", .float(-0.5)),
            ("1e3", .float(1000)),
            ("6.5E-1", .float(0.65)), ("1_0.0_1", .float(10.01)), ("-inf", .float(-.infinity)), ("1979-05-27", .other),
            ("1979-05-27 07:32:00Z", .other), ("07:32:00.5", .other), ("1979-05-27T07:32:00+01:00", .other),
        ] as [(String, TOMLNode.Value)]
    )
    func readsBareValues(text: String, expected: TOMLNode.Value) {
        let document = TOMLDocument(parsing: "a = \(text) # \nb = [\(text)]")
        #expect(document.errors.isEmpty)
        #expect(document.entries.first?.node.value == expected)
    }

    @Test func aLineWithAMistakeLeavesTheRestReadable() {
        let document = TOMLDocument(parsing: "a = ?\n[t]\nb = 1")
        #expect(document.errors.count == 1)
        #expect(document.entries.map(\.key) == ["t"])
    }

    /// Whatever is broken, reading ends, and a node that was read has a place inside the text.
    @Test func survivesEveryDamage() {
        let text = "[a.\"b\"]\nc = [1, 'x', { d = \"\\u00e9\" }] # e\nf.g = '''h\n'''\n[[i]]\nj = 1.5\n"
        let scalars = Array(text.unicodeScalars)
        let lines = scalars.count { $0 == "\n" } + 1
        for index in scalars.indices {
            for replacement: Unicode.Scalar? in [
                nil, "\"", "'", "[", "]", "{", "}", "=", "\n", "#", "\\", ".", ",", "a", " ",
            ] {
                var damaged = scalars
                if let replacement { damaged[index] = replacement } else { damaged.remove(at: index) }
                var view = String.UnicodeScalarView()
                view.append(contentsOf: damaged)
                let document = TOMLDocument(parsing: String(view))
                for entry in document.entries { #expect(entry.keyPosition.line <= lines + 1) }
            }
        }
    }
}
