internal import JSONText
internal import QueryCache
internal import SQLAnalysis
internal import Synchronization

/// A statement text that has been analysed: its shape, and what the server said of it under each search path.
///
/// Looking one up is all that the analysis of a known text costs.
final class KnownStatement: Sendable {
    let shape: StatementShape
    /// Where its calls are counted.
    let place = QueryPlace()
    /// By the `search_path` that a request set, which is the only setting that changes what a name stands for.
    private let plans = Mutex(BoundedTable<ExactText?, ReadPlan>(limit: 64, costLimit: 64 << 10))
    private let fetches = Atomic<Int>(0)
    private let measured = Atomic<Int>(0)
    /// Nanoseconds that PostgreSQL takes for it, averaged: a later one counts for an eighth.
    private let average = Atomic<Int>(0)

    init(shape: StatementShape) {
        self.shape = shape
    }

    /// What is known under that path, if it was learned since the schema last changed.
    func plan(under searchPath: String?, schemaVersion: UInt64) -> ReadPlan? {
        guard let plan = plans.withLock({ $0.value(for: searchPath.map { ExactText($0) }) }),
            plan.schemaVersion == schemaVersion
        else {
            return nil
        }
        return plan
    }

    func remember(_ plan: ReadPlan, under searchPath: String?) {
        let cost = searchPath?.utf8.count ?? 0
        plans.withLock { $0.insert(plan, for: searchPath.map { ExactText($0) }, cost: cost) }
    }

    /// A statement that takes longer is not quick.
    private static let quick = Duration.milliseconds(5)
    /// Fetches after which is known what it takes.
    private static let measurements = 4

    /// What it takes, where that is little, by experience. Of a call of a function experience tells little: what it does may
    /// hang on anything.
    var expectedDuration: Duration? {
        guard shape.functions.isEmpty, measured.load(ordering: .relaxed) >= Self.measurements else { return nil }
        let expected = Duration.nanoseconds(average.load(ordering: .relaxed))
        return expected < Self.quick ? expected : nil
    }

    /// Look-ups in Redis, and those that found an answer; the earlier ones count less and less.
    private let asked = Atomic<Int>(0)
    private let found = Atomic<Int>(0)
    private let spared = Atomic<Int>(0)
    /// Look-ups after which something is known, and the answers among them that make asking worth it.
    private static let fewestAsked = 256
    private static let fewestFound = 4
    /// One in so many look-ups asks all the same, to see whether that has changed.
    private static let sample = 64

    /// Whether Redis is likely to have an answer that memory has not. It is not where it hardly ever had one.
    var isWorthAskingRedis: Bool {
        guard asked.load(ordering: .relaxed) >= Self.fewestAsked, found.load(ordering: .relaxed) < Self.fewestFound
        else { return true }
        return spared.add(1, ordering: .relaxed).oldValue % Self.sample == 0
    }

    func askedRedis(hadAnswer: Bool) {
        if hadAnswer { found.add(1, ordering: .relaxed) }
        guard asked.add(1, ordering: .relaxed).newValue >= 2 * Self.fewestAsked else { return }
        // One of two that come at once may be lost.
        asked.store(Self.fewestAsked, ordering: .relaxed)
        found.store(found.load(ordering: .relaxed) / 2, ordering: .relaxed)
    }

    /// PostgreSQL took so long for it.
    func took(_ duration: Duration) {
        let nanoseconds = Int(clamping: duration.components.attoseconds / 1_000_000_000)
            .addingReportingOverflow(Int(clamping: duration.components.seconds) &* 1_000_000_000).partialValue
        let before = average.load(ordering: .relaxed)
        let isFirst = measured.add(1, ordering: .relaxed).oldValue == 0
        // One of two that end at once may be lost.
        average.store(isFirst ? nanoseconds : before + (nanoseconds - before) / 8, ordering: .relaxed)
    }

    /// A smaller result's buffer has grown to its size before that is worth a thought.
    private static let large = 256 << 10
    private let lastBytes = Atomic<Int>(0)

    /// Bytes that its result is likely to take, if it was large the last time; else zero.
    var expectedBytes: Int {
        let last = lastBytes.load(ordering: .relaxed)
        return last < Self.large ? 0 : last + last / 16
    }

    /// PostgreSQL's answer has so many bytes.
    func brought(_ bytes: Int) {
        lastBytes.store(bytes, ordering: .relaxed)
    }

    /// A longer statement takes megabytes of each of the server's processes that keeps it.
    private static let maximumPreparedBytes = 32 << 10

    /// Whether a prepared statement pays: a text without parameters that is asked once would only crowd out others.
    func shouldPrepare() -> Bool {
        if shape.canonicalText.utf8.count > Self.maximumPreparedBytes { return false }
        return !shape.parameterNumbers.isEmpty || fetches.add(1, ordering: .relaxed).oldValue > 0
    }
}

/// What the server told of a statement that reads, ready for the request path.
final class ReadPlan: Sendable {
    /// The tables' tags' names, sorted.
    let tables: [String]
    /// It may read more than those: what a function's body reads is not known.
    let readsUnknown: Bool
    let cacheability: Cacheability
    /// The namespace for requests that name none.
    let namespace: String
    let schemaVersion: UInt64
    /// Of the only table that it reads, where its text pins the rows by it.
    let rowKey: RowKey?
    /// Everything whose change makes an entry stale, for requests that name neither a namespace nor tags of their own. One
    /// list, so that it is recognised as the same.
    private let tags: [Tag]
    /// The same for entries that hang on single rows, without those.
    private let tagsBesideRows: [Tag]

    init(
        tables: [String],
        readsUnknown: Bool,
        cacheability: Cacheability,
        namespace: String,
        schemaVersion: UInt64,
        rowKey: RowKey? = nil
    ) {
        self.tables = tables
        self.readsUnknown = readsUnknown
        self.cacheability = cacheability
        self.namespace = namespace
        self.schemaVersion = schemaVersion
        self.rowKey = rowKey
        let tables = tables.map { Tag.table($0) } + (readsUnknown ? [.anyTable] : [])
        tags = [.epoch, .namespace(namespace)] + tables
        tagsBesideRows = [.epoch, .namespace(namespace)] + self.tables.map { .wholeTable($0) }
    }

    /// Everything whose change makes an entry stale.
    ///
    /// - Parameter keys: of the rows that it hangs on, in the form that equal ones share; nil where it hangs on its tables.
    func tags(namespace: String, own: [String], keys: [String]?) -> TagList {
        guard let keys, !keys.isEmpty, rowKey != nil, tables.count == 1 else {
            return TagList(named(tags, namespace, own))
        }
        return TagList(
            named(tagsBesideRows, namespace, own),
            rows: keys.map { .row(table: tables[0], key: $0) }
        )
    }

    private func named(_ tags: [Tag], _ namespace: String, _ own: [String]) -> [Tag] {
        if own.isEmpty && namespace == self.namespace { return tags }
        return [.epoch, .namespace(namespace)] + tags.dropFirst(2) + own.map { .user($0) }
    }
}
