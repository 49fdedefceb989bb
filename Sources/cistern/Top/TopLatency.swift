/// How long answers took, by where they came from: the histogram `cistern_request_duration_seconds` of `/metrics`.
struct TopLatency {
    private static let name = "cistern_request_duration_seconds_bucket{"

    /// Bounds in seconds, ascending, and how many answers took no longer; by source.
    private var buckets: [String: [(bound: Double, count: Double)]] = [:]

    /// - Parameter metrics: Prometheus's text format; what is not understood is left out.
    init(metrics: String) {
        for line in metrics.split(separator: "\n") where line.hasPrefix(Self.name) {
            let labelled = line.dropFirst(Self.name.count)
            guard let end = labelled.firstIndex(of: "}"), let source = Self.label("source", labelled[..<end]),
                let bound = Self.label("le", labelled[..<end]).flatMap({ $0 == "+Inf" ? .infinity : Double($0) }),
                let count = labelled[labelled.index(after: end)...].split(separator: " ").first.flatMap({ Double($0) })
            else { continue }
            buckets[source, default: []].append((bound, count))
        }
        for source in buckets.keys { buckets[source]?.sort { $0.bound < $1.bound } }
    }

    private static func label(_ name: String, _ labels: Substring) -> String? {
        guard let start = labels.firstRange(of: "\(name)=\"") else { return nil }
        return String(labels[start.upperBound...].prefix { $0 != "\"" })
    }

    /// The bound under which a share of the answers since an earlier moment stayed, in milliseconds; infinite where it is
    /// beyond all bounds, nil where there were none.
    func milliseconds(_ share: Double, of source: String, since old: TopLatency?) -> Double? {
        guard let now = buckets[source], let all = now.last?.count else { return nil }
        let before = old?.buckets[source] ?? []
        // A server that was started anew counts from zero.
        let isComparable = before.count == now.count && (before.last?.count ?? 0) <= all
        func grown(_ index: Int) -> Double { now[index].count - (isComparable ? before[index].count : 0) }
        let total = grown(now.count - 1)
        guard total > 0 else { return nil }
        return now.indices.first { grown($0) >= share * total }.map { now[$0].bound * 1000 }
    }
}
