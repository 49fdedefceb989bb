/// What came out of a run.
struct Report {
    var tally: Tally
    var faults: [(name: String, count: Int)]
    var time: Duration

    var text: String {
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        var lines: [(String, String)] = [
            (
                "reads",
                "\(tally.reads) (\(Int(Double(tally.reads) / seconds)) a second), \(tally.strictReads) of them strict"
            )
        ]
        for source in Reply.Source.allCases {
            if let count = tally.readsBySource[source] { lines.append(("  \(source.rawValue)", "\(count)")) }
        }
        for (code, count) in tally.failedReads.sorted(by: { $0.key < $1.key }) {
            lines.append(("  \(code)", "\(count)"))
        }
        if tally.lostReads > 0 { lines.append(("  lost with the connection", "\(tally.lostReads)")) }
        lines.append(("writes", "\(tally.writes), \(tally.incompleteWrites) of them incomplete"))
        for (code, count) in tally.failedWrites.sorted(by: { $0.key < $1.key }) {
            lines.append(("  \(code)", "\(count)"))
        }
        if tally.lostWrites > 0 { lines.append(("  lost with the connection", "\(tally.lostWrites)")) }
        if tally.ineffectiveWrites > 0 { lines.append(("  without effect", "\(tally.ineffectiveWrites)")) }
        for fault in faults { lines.append((fault.name, "\(fault.count)")) }
        lines.append(("older, as allowed elsewhere", delays))
        lines.append(("stale", "\(tally.stale)"))
        let width = (lines.map { $0.0.count }.max() ?? 0) + 2
        let table = lines.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 }
        let violations = tally.violations.map(\.text)
        let rest = tally.stale - violations.count
        return (table + violations + (rest > 0 ? ["… and \(rest) more"] : [])).joined(separator: "\n")
    }

    private var delays: String {
        let values = [("p50", 0.5), ("p99", 0.99), ("max", 1)].compactMap { name, part in
            tally.delays.percentile(part).map { "\(name) \(Double($0 / 10_000) / 100) ms" }
        }
        return (["\(tally.delays.count) reads"] + values).joined(separator: ", ")
    }
}
