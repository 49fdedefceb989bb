internal import Observability
internal import QueryCache
internal import Synchronization

/// Counts of answers by where they came from. `answers = memory + redis + miss + shared + stale + bypass`.
struct SourceCounts: Equatable {
    fileprivate var counts = Array(repeating: 0, count: AnswerSource.allCases.count)
    /// Nanoseconds that PostgreSQL would have taken for those that did not ask it.
    var spared = 0

    subscript(source: AnswerSource) -> Int {
        get { counts[source.index] }
        set { counts[source.index] = newValue }
    }

    var total: Int { counts.reduce(0, +) }

    /// Answers that cost PostgreSQL no query of their own.
    var hits: Int { self[.memory] + self[.redis] + self[.shared] + self[.stale] }

    /// The share of cacheable answers that did not cost PostgreSQL a query of their own; nil before the first.
    var hitRate: Double? {
        let lookups = hits + self[.miss]
        return lookups == 0 ? nil : Double(hits) / Double(lookups)
    }

    static func + (left: SourceCounts, right: SourceCounts) -> SourceCounts {
        var sum = left
        for (index, count) in right.counts.enumerated() { sum.counts[index] += count }
        sum.spared += right.spared
        return sum
    }
}

/// All counts of requests: by namespace and source, with the time they took, by the reason of a bypass, by the code of a
/// failure.
///
/// A hit in memory costs four relaxed additions in the thread's own stripe: its namespace's counter, its source's bucket
/// and time, and the time that PostgreSQL was spared. Nothing else on its way is counted, so whatever else is told of
/// answers is a sum of these:
///
/// - the overall counts are the sums over the namespaces;
/// - a source's histogram has as many observations as the namespaces have answers from it;
/// - the reasons' counts add up to the bypasses.
///
/// Names that nobody configured share one place in the row (`other`); for `stats` they are counted by name as well, up to a
/// bound.
final class RequestCounters: Sendable {
    static let otherName = "other"
    private static let maximumNames = 1000
    private static let maximumReasons = 200
    /// In bytes: a caller may make up any name.
    static let maximumName = 200

    private static let sources = AnswerSource.allCases.count
    /// A namespace's counters: one for each source, then the nanoseconds spared.
    private static let namespaceWidth = sources + 1
    /// A source's counters: the buckets, then the nanoseconds taken.
    private static let sourceWidth = LatencyBuckets.count + 1

    private struct State {
        var others: [String: SourceCounts] = [:]
        var reasons: [String: Int] = [:]
        var failures: [ProxyError.Code: Int] = [:]
    }

    /// The cache service and the sessions, which answer no queries.
    let service = ServiceCounters()
    /// The configured namespaces in order; `other` has the place behind them.
    private let names: [String]
    private let places: [String: Int]
    private let row: StripedCounters
    private let state = Mutex(State())

    init(namespaces: [String]) {
        names = Set(namespaces + [Namespaces.defaultName]).sorted()
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
        row = StripedCounters(
            count: Self.sources * Self.sourceWidth + (names.count + 1) * Self.namespaceWidth,
            stripes: ReaderStripes.count
        )
    }

    // MARK: Counting

    /// - Parameters:
    ///   - spared: nanoseconds that PostgreSQL would have taken; zero where it was asked.
    ///   - taken: nanoseconds from the request to the answer.
    func answered(_ source: AnswerSource, reason: String?, namespace: String, spared: Int64 = 0, taken: UInt64 = 0) {
        let stripe = ThreadNumber.current
        let place = places[namespace]
        count(source, at: place ?? names.count, spared, taken, stripe: stripe)
        if reason != nil || place == nil { countNames(source, reason, place == nil ? namespace : nil, spared) }
    }

    /// A configured namespace's place in the row; nil for one of another name, whose answers are counted by name.
    func place(of namespace: String) -> Int? { places[namespace] }

    /// The same for a hit in memory of a namespace whose place is known.
    @inline(__always)
    func countMemoryHit(at place: Int, spared: Int64, taken: UInt64) {
        count(.memory, at: place, spared, taken, stripe: ThreadNumber.current)
    }

    @inline(__always)
    private func count(_ source: AnswerSource, at place: Int, _ spared: Int64, _ taken: UInt64, stripe: Int) {
        let base = Self.sources * Self.sourceWidth + place * Self.namespaceWidth
        row.add(1, to: base + source.index, stripe: stripe)
        if spared > 0 { row.add(Int(clamping: spared), to: base + Self.sources, stripe: stripe) }
        let first = source.index * Self.sourceWidth
        row.add(1, to: first + LatencyBuckets.index(of: taken), stripe: stripe)
        row.add(Int(clamping: taken), to: first + LatencyBuckets.count, stripe: stripe)
    }

    /// What is counted under a lock: bypasses, which ask PostgreSQL anyway, and names that nobody configured.
    private func countNames(_ source: AnswerSource, _ reason: String?, _ namespace: String?, _ spared: Int64) {
        state.withLock { state in
            if let reason {
                // The culprit is cut off: what stands behind the colon may be anybody's text.
                let kind = String(reason.prefix { $0 != ":" })
                let isKept = state.reasons.count < Self.maximumReasons || state.reasons[kind] != nil
                state.reasons[isKept ? kind : Self.otherName, default: 0] += 1
            }
            if let namespace {
                let isKept =
                    state.others[namespace] != nil
                    || (state.others.count < Self.maximumNames && namespace.utf8.count <= Self.maximumName)
                let name = isKept ? namespace : Self.otherName
                state.others[name, default: SourceCounts()][source] += 1
                state.others[name, default: SourceCounts()].spared += Int(clamping: spared)
            }
        }
    }

    func failed(_ code: ProxyError.Code) {
        state.withLock { $0.failures[code, default: 0] += 1 }
    }

    // MARK: Reading

    /// The configured namespaces, and `other` for the rest: the same names for as long as the process lives.
    var boundedNamespaces: [(name: String, counts: SourceCounts)] {
        (names + [Self.otherName]).enumerated().map { ($0.element, counts(at: $0.offset)) }
    }

    private func counts(at place: Int) -> SourceCounts {
        let base = Self.sources * Self.sourceWidth + place * Self.namespaceWidth
        var counts = SourceCounts()
        for source in AnswerSource.allCases { counts[source] = row[base + source.index] }
        counts.spared = row[base + Self.sources]
        return counts
    }

    var overall: SourceCounts { boundedNamespaces.reduce(SourceCounts()) { $0 + $1.counts } }

    /// The configured namespaces and the others by name.
    var namespaces: [(name: String, counts: SourceCounts)] {
        let configured = names.enumerated().map { ($0.element, counts(at: $0.offset)) }
        let others = state.withLock { $0.others }
        return (configured + others.map { ($0.key, $0.value) }).sorted { $0.0 < $1.0 }
    }

    func latency(of source: AnswerSource) -> LatencySnapshot {
        let first = source.index * Self.sourceWidth
        return LatencySnapshot(
            buckets: (0..<LatencyBuckets.count).map { row[first + $0] },
            sum: row[first + LatencyBuckets.count]
        )
    }

    var reasons: [(name: String, count: Int)] {
        state.withLock { $0.reasons }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    var failures: [(name: String, count: Int)] {
        state.withLock { $0.failures }.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }
    }
}

extension AnswerSource {
    fileprivate var index: Int {
        switch self {
        case .memory: 0
        case .redis: 1
        case .miss: 2
        case .shared: 3
        case .stale: 4
        case .bypass: 5
        }
    }
}
