internal import JSONText

/// The answer to a statement as text: its rows as a table, their number, where they came from, and how long it took.
struct ResultText {
    private static let numberTypes: Set<String> = [
        "int2", "int4", "int8", "float4", "float8", "numeric", "oid", "money",
    ]

    private let value: JSONValue
    private let paint: Paint

    init(_ answer: Answer, paint: Paint = .none) {
        value = answer.value
        self.paint = paint
    }

    /// - Parameter time: how long the answer took; nil leaves the last line out.
    func text(time: Duration?) -> String {
        let columns = value["columns"]?.array ?? []
        let rows = (value["rows"]?.array ?? []).map { ($0.array ?? []).map(Self.cell) }
        var text = TextTable(
            columns.map {
                TextTable.Column(
                    name: $0["name"]?.string ?? "",
                    isRight: Self.numberTypes.contains($0["type"]?.string ?? "")
                )
            },
            rows
        ).text
        let count = value["row_count"]?.int ?? rows.count
        if let command = value["command"]?.string, columns.isEmpty {
            text += "\(command) \(count)\n"
        } else {
            text += "(\(count) \(count == 1 ? "row" : "rows"))\n"
        }
        guard let time else { return text }
        return text + paint(.dim, "(\((source + [time.shownInMilliseconds]).joined(separator: ", ")))") + "\n"
    }

    /// Where the answer came from, and what will become of it.
    private var source: [String] {
        var parts = [value["cache"]?.string ?? "?"]
        if let reason = value["reason"]?.string { parts[0] += ": \(reason)" }
        if let age = value["age_ms"]?.int, value["cache"]?.string != "miss" {
            parts.append("\(ShownDuration.of(milliseconds: age)) old")
        }
        if let left = value["ttl_ms"]?.int, left > 0 { parts.append("\(ShownDuration.of(milliseconds: left)) left") }
        if let invalidated = value["invalidated"] {
            let names = ["tables", "tags"].flatMap { invalidated[$0]?.array?.compactMap(\.string) ?? [] }
            if !names.isEmpty { parts.append("invalidated \(names.joined(separator: " "))") }
            if invalidated["complete"]?.bool == false { parts.append("Redis is told when it is back") }
        }
        return parts
    }

    private static func cell(_ value: JSONValue) -> String {
        if case .null = value { return "NULL" }
        return value.plainText
    }
}
