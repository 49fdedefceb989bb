internal import Synchronization

/// Counts of answers by where they came from. `answers = memory + redis + miss + shared + stale + bypass`, and
/// `requests = answers + failures`.
final class SourceCounters: Sendable {
    private let memory = Atomic<Int>(0)
    private let redis = Atomic<Int>(0)
    private let miss = Atomic<Int>(0)
    private let shared = Atomic<Int>(0)
    private let stale = Atomic<Int>(0)
    private let bypass = Atomic<Int>(0)

    func count(_ source: AnswerSource) {
        switch source {
        case .memory: memory.add(1, ordering: .relaxed)
        case .redis: redis.add(1, ordering: .relaxed)
        case .miss: miss.add(1, ordering: .relaxed)
        case .shared: shared.add(1, ordering: .relaxed)
        case .stale: stale.add(1, ordering: .relaxed)
        case .bypass: bypass.add(1, ordering: .relaxed)
        }
    }

    subscript(source: AnswerSource) -> Int {
        switch source {
        case .memory: memory.load(ordering: .relaxed)
        case .redis: redis.load(ordering: .relaxed)
        case .miss: miss.load(ordering: .relaxed)
        case .shared: shared.load(ordering: .relaxed)
        case .stale: stale.load(ordering: .relaxed)
        case .bypass: bypass.load(ordering: .relaxed)
        }
    }

    /// The share of cacheable answers that did not cost PostgreSQL a query of their own; nil before the first.
    var hitRate: Double? {
        let hits = self[.memory] + self[.redis] + self[.shared] + self[.stale]
        let lookups = hits + self[.miss]
        return lookups == 0 ? nil : Double(hits) / Double(lookups)
    }
}

/// All counts of requests: overall, by namespace, by the reason of a bypass, by the code of a failure.
///
/// Invariant: the namespaces' counts add up to the overall ones, since a name over the bound counts as `other`.
final class RequestCounters: Sendable {
    static let otherName = "other"
    private static let maximumNamespaces = 1000
    private static let maximumReasons = 200
    /// In bytes: a caller may make up any name.
    static let maximumName = 200

    private struct State {
        var namespaces: [String: SourceCounters] = [:]
        var reasons: [String: Int] = [:]
        var failures: [ProxyError.Code: Int] = [:]
    }

    let overall = SourceCounters()
    /// The configured ones, found without a lock.
    private let configured: [String: SourceCounters]
    private let state = Mutex(State())

    init(namespaces: [String]) {
        configured = Dictionary(
            (namespaces + [Namespaces.defaultName]).map { ($0, SourceCounters()) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    func answered(_ source: AnswerSource, reason: String?, namespace: String) {
        overall.count(source)
        if let reason {
            // The culprit is cut off: what stands behind the colon may be anybody's text.
            let kind = String(reason.prefix { $0 != ":" })
            state.withLock { state in
                if state.reasons.count < Self.maximumReasons || state.reasons[kind] != nil {
                    state.reasons[kind, default: 0] += 1
                }
            }
        }
        if let counters = configured[namespace] { return counters.count(source) }
        let counters = state.withLock { state in
            if let counters = state.namespaces[namespace] { return counters }
            let isKept = state.namespaces.count < Self.maximumNamespaces && namespace.utf8.count <= Self.maximumName
            let name = isKept ? namespace : Self.otherName
            let counters = state.namespaces[name] ?? SourceCounters()
            state.namespaces[name] = counters
            return counters
        }
        counters.count(source)
    }

    func failed(_ code: ProxyError.Code) {
        state.withLock { $0.failures[code, default: 0] += 1 }
    }

    var namespaces: [(name: String, counters: SourceCounters)] {
        let others = state.withLock { $0.namespaces }
        return configured.merging(others) { first, _ in first }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
    }

    var reasons: [(name: String, count: Int)] {
        state.withLock { $0.reasons }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    var failures: [(name: String, count: Int)] {
        state.withLock { $0.failures }.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }
    }
}
