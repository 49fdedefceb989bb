internal import JSONText

/// A server's figures at one moment, as `top` needs them.
struct TopSample {
    static let sources = ["memory", "redis", "miss", "shared", "stale", "bypass"]

    struct Counts: Equatable {
        /// By source.
        var answers: [String: Int] = [:]

        init(_ value: JSONValue?) {
            for source in TopSample.sources { answers[source] = value?[source]?.int ?? 0 }
        }

        var total: Int { answers.values.reduce(0, +) }
        subscript(source: String) -> Int { answers[source] ?? 0 }

        /// The share of look-ups that cost PostgreSQL no query of their own; nil where there were none.
        static func hitRate(_ new: Counts, since old: Counts?) -> Double? {
            func grown(_ source: String) -> Int { new[source] - (old?[source] ?? 0) }
            let hits = ["memory", "redis", "shared", "stale"].reduce(0) { $0 + grown($1) }
            let lookups = hits + grown("miss")
            return lookups <= 0 ? nil : Double(hits) / Double(lookups)
        }
    }

    let stats: JSONValue
    let overall: Counts
    let namespaces: [String: Counts]
    /// Milliseconds that the server has run.
    let uptime: Int

    init(_ stats: JSONValue) {
        self.stats = stats
        overall = Counts(stats["answers"])
        var namespaces: [String: Counts] = [:]
        if case .object(let members) = stats["namespaces"] {
            for (name, value) in members { namespaces[name] = Counts(value) }
        }
        self.namespaces = namespaces
        uptime = stats["uptime_ms"]?.int ?? 0
    }

    /// The sum of the failures of all kinds.
    var errors: Int {
        guard case .object(let members) = stats["errors"] else { return 0 }
        return members.reduce(0) { $0 + ($1.value.int ?? 0) }
    }

    func number(_ path: String...) -> Int? { value(path)?.int }
    func flag(_ path: String...) -> Bool? { value(path)?.bool }

    private func value(_ path: [String]) -> JSONValue? {
        path.reduce(Optional(stats)) { $0?[$1] }
    }
}
