import Testing

@testable import cistern

@Suite struct TextTableTests {
    @Test func asPsqlPrintsIt() {
        let table = TextTable(
            [.init(name: "id", isRight: true), .init(name: "name"), .init(name: "note")],
            [["1", "Café", "a\nbc"], ["20", "日本語", ""]]
        )
        #expect(
            table.text == """
                 id |  name  | note 
                ----+--------+------
                  1 | Café   | a   +
                    |        | bc
                 20 | 日本語 | 

                """
        )
    }

    @Test func noColumnsAndNoRows() {
        #expect(TextTable([], []).text == "")
        #expect(TextTable([.init(name: "a")], []).text == " a \n---\n")
    }

    /// What a value holds moves no cursor, and every line has the same bars in the same columns.
    @Test(arguments: ["\u{1B}[2J", "\r", "\u{7F}", "\u{85}", "a\tb", "\u{202E}", "e\u{301}", "👩‍👩‍👧", "", "\n\n", "a\0b"])
    func hostile(text: String) {
        let table = TextTable(
            [.init(name: "left"), .init(name: "right", isRight: true)],
            [[text, "1"], ["x", "22"]]
        )
        let lines = table.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(
            !table.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || (0x7F...0x9F).contains($0.value) }
        )
        let bars = lines.map { line in
            line.firstIndex { "|+".contains($0) && $0 != "\n" }.map { DisplayWidth.of(line[..<$0]) }
        }
        #expect(Set(bars).count <= 2, "\(table.text)")
        #expect(lines.last?.hasSuffix("    22") == true)
    }

    @Test func widths() {
        #expect(DisplayWidth.of("abc") == 3)
        #expect(DisplayWidth.of("日本語") == 6)
        #expect(DisplayWidth.of("e\u{301}") == 1)
        #expect(DisplayWidth.of("한글") == 4)
        #expect(DisplayWidth.of("\u{1112}\u{1161}\u{11AB}") == 2)
        #expect(DisplayWidth.of("😀") == 2)
        #expect(DisplayWidth.of("ﾊﾝｶｸ") == 4)
        #expect(DisplayWidth.of("Ｆ") == 2)
        #expect(DisplayWidth.of("\u{200B}") == 0)
    }
}
