/// A table as psql prints it: names centred over a rule, numbers to the right, everything else to the left, values of
/// several lines with a `+` where they go on.
struct TextTable {
    struct Column {
        var name: String
        var isRight = false
    }

    /// A value's lines as they are shown.
    private struct Cell {
        let lines: [(text: String, width: Int)]
        var width: Int { lines.map(\.width).max() ?? 0 }

        init(_ text: String) {
            lines = Self.shown(text).map { ($0, DisplayWidth.of($0)) }
        }

        /// Characters that would move the cursor are written as escapes, as psql does.
        private static func shown(_ text: String) -> [String] {
            var lines = [""]
            var width = 0
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\n":
                    lines.append("")
                    width = 0
                case "\r":
                    lines[lines.count - 1] += "\\r"
                    width += 2
                case "\t":
                    let spaces = 8 - width % 8
                    lines[lines.count - 1] += String(repeating: " ", count: spaces)
                    width += spaces
                case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                    lines[lines.count - 1] += "\\x" + hexadecimal(scalar.value, digits: 2)
                    width += 4
                case _ where scalar.isControl:
                    lines[lines.count - 1] += "\\u" + hexadecimal(scalar.value, digits: 4)
                    width += 6
                default:
                    lines[lines.count - 1].unicodeScalars.append(scalar)
                    width += DisplayWidth.of(scalar)
                }
            }
            return lines
        }

        private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
            let text = String(value, radix: 16, uppercase: true)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
    }

    private let columns: [Column]
    private let head: [Cell]
    private let rows: [[Cell]]
    private let widths: [Int]

    /// - Parameter rows: each as long as the columns; what is missing is empty.
    init(_ columns: [Column], _ rows: [[String]]) {
        let head = columns.map { Cell($0.name) }
        let cells = rows.map { row in columns.indices.map { Cell($0 < row.count ? row[$0] : "") } }
        self.columns = columns
        self.head = head
        self.rows = cells
        widths = columns.indices.map { index in cells.reduce(head[index].width) { max($0, $1[index].width) } }
    }

    /// Empty where there are no columns.
    var text: String {
        if columns.isEmpty { return "" }
        var text = Self.lines(of: head).map { line(head, $0, isHead: true) }.joined()
        text += widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "\n"
        for row in rows { text += Self.lines(of: row).map { line(row, $0, isHead: false) }.joined() }
        return text
    }

    private static func lines(of row: [Cell]) -> Range<Int> {
        0..<(row.map(\.lines.count).max() ?? 1)
    }

    /// One line of a row, with the sign behind each cell that has another line.
    private func line(_ row: [Cell], _ number: Int, isHead: Bool) -> String {
        var text = ""
        for (index, cell) in row.enumerated() {
            let isLast = index == row.count - 1
            let goesOn = number + 1 < cell.lines.count
            let (shown, width) = number < cell.lines.count ? cell.lines[number] : ("", 0)
            let isOver = number >= cell.lines.count && isLast && !isHead
            let space = isOver ? 0 : widths[index] - width
            let before = isHead ? space / 2 : columns[index].isRight ? space : 0
            // Nothing is written behind the last value of a line.
            let after = isLast && !isHead && !goesOn ? 0 : space - before
            text += " " + String(repeating: " ", count: before) + shown + String(repeating: " ", count: after)
            if goesOn { text += "+" } else if !isLast || isHead { text += " " }
            if !isLast { text += "|" }
        }
        return text + "\n"
    }
}
