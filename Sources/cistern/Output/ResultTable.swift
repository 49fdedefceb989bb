internal import JSONText

/// Rows as psql prints them.
struct ResultTable {
    private struct Column {
        let name: String
        let isNumber: Bool
        var width: Int
    }

    private static let numberTypes: Set<String> = [
        "int2", "int4", "int8", "float4", "float8", "numeric", "oid", "money",
    ]

    private let answer: Answer

    init(_ answer: Answer) {
        self.answer = answer
    }

    /// - Parameter time: how long the answer took.
    func text(time: Duration) -> String {
        let value = answer.value
        var text = ""
        let columns = value["columns"]?.array ?? []
        let rows = (value["rows"]?.array ?? []).map { ($0.array ?? []).map(Self.cell) }
        if !columns.isEmpty { text += table(columns, rows) }
        let count = value["row_count"]?.int ?? rows.count
        if let command = value["command"]?.string, columns.isEmpty {
            text += "\(command) \(count) "
        } else {
            text += "(\(count) \(count == 1 ? "row" : "rows")) "
        }
        return text + "(\(source(value)), \(time.shownInMilliseconds))\n"
    }

    private func source(_ value: JSONValue) -> String {
        var source = value["cache"]?.string ?? "?"
        if let reason = value["reason"]?.string { source += ": \(reason)" }
        if let age = value["age_ms"]?.int, age > 0 { source += ", \(age) ms old" }
        return source
    }

    /// A line end inside a value would break the table.
    private static func cell(_ value: JSONValue) -> String {
        if case .null = value { return "" }
        return value.plainText.replacing("\n", with: "↵")
    }

    private func table(_ columns: [JSONValue], _ rows: [[String]]) -> String {
        var layout = columns.map { column in
            let name = column["name"]?.string ?? ""
            return Column(
                name: name,
                isNumber: Self.numberTypes.contains(column["type"]?.string ?? ""),
                width: name.count
            )
        }
        for row in rows {
            for (index, cell) in row.enumerated() where index < layout.count {
                layout[index].width = max(layout[index].width, cell.count)
            }
        }
        var text = layout.map { " " + Self.centred($0.name, $0.width) + " " }.joined(separator: "|") + "\n"
        text += layout.map { String(repeating: "-", count: $0.width + 2) }.joined(separator: "+") + "\n"
        for row in rows {
            let cells = zip(row, layout).map { cell, column in
                let space = String(repeating: " ", count: column.width - cell.count)
                return column.isNumber ? " \(space)\(cell) " : " \(cell)\(space) "
            }
            text += cells.joined(separator: "|") + "\n"
        }
        return text
    }

    private static func centred(_ text: String, _ width: Int) -> String {
        let left = (width - text.count) / 2
        return String(repeating: " ", count: left) + text + String(repeating: " ", count: width - text.count - left)
    }
}
