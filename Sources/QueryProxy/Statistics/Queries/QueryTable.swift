internal import HeapModule
internal import QueryCache
internal import SQLAnalysis
internal import Synchronization

/// Where a statement's calls are counted: its template's place in the ``QueryTable``, and the tenancy under which it got it.
struct QueryPlace: ~Copyable, Sendable {
    /// The tenancy above, the place below. Tenancy 0 is nobody's.
    let handle = Atomic<UInt64>(0)
    /// Hits in memory since the template lost its place, or before it had one.
    let uncounted = Atomic<Int>(0)
}

/// Figures of the templates that are called most: as many as there are places.
///
/// Space-saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT
/// 2005): a template without a place takes that of the one with the fewest calls, and is ranked from then on as if those
/// had been its own. So every template with more than `calls / places` calls has a place, and what was missed of one
/// is at most what it inherited.
///
/// A hit in memory costs two loads and an addition. It has the statement at hand, the statement knows its place, and the
/// tenancy tells whether it still has it; no lock is taken and nothing is looked up. A template that has lost its place
/// counts its hits beside the statement and asks for a place with 64 of them at once, or with its next call of another
/// kind; the summary takes them as one addition of that weight.
///
/// The least called one is found in a heap whose ranks are those of earlier: calls only grow, so the first whose rank turns
/// out to be up to date is the least.
///
/// Invariants: a template has one place at most; `index` has the places' keys, each once; the heap has each place in use
/// exactly once, with a rank not above the present one.
final class QueryTable: Sendable {
    private struct Details {
        var key: CacheKey
        var statement: String
        var fingerprint: String
        var namespace = ""
        var reason: String?
        var inherited = 0
    }

    private struct Rank: Comparable {
        var calls: Int
        var place: Int

        static func < (left: Rank, right: Rank) -> Bool {
            (left.calls, left.place) < (right.calls, right.place)
        }
    }

    private struct State {
        var index: [CacheKey: Int] = [:]
        var details: [Details] = []
        var ranks = Heap<Rank>()
        var replacements = 0
    }

    /// Hits in memory after which a template without a place asks for one.
    static let hitsBeforePlace = 64
    /// In characters: a statement may be a megabyte.
    private static let shownStatement = 2000

    let limit: Int
    /// A pointer, so that a hit retains nothing. Unsafe for the compiler, since it is a pointer; sound, since the memory is this
    /// table's own, lives as long as it, and holds nothing but atomics.
    nonisolated(unsafe) private let counters: UnsafeMutablePointer<QueryCounters>
    /// Unsafe and sound for the same reasons: each is nothing but atomics too.
    nonisolated(unsafe) private let keys: UnsafeMutablePointer<DistinctKeys>
    private let state = Mutex(State())

    init(limit: Int = 1000) {
        precondition(limit > 0 && limit < 1 << 31)
        self.limit = limit
        let bytes = limit * MemoryLayout<QueryCounters>.stride
        counters = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .bindMemory(to: QueryCounters.self, capacity: limit)
        keys = .allocate(capacity: limit)
        for place in 0..<limit {
            (counters + place).initialize(to: QueryCounters())
            (keys + place).initialize(to: DistinctKeys())
        }
    }

    deinit {
        counters.deinitialize(count: limit)
        counters.deallocate()
        keys.deinitialize(count: limit)
        keys.deallocate()
    }

    // MARK: Counting

    @inline(__always)
    func countMemoryHit(of statement: KnownStatement) {
        let handle = statement.place.handle.load(ordering: .relaxed)
        let place = counters + Int(handle & 0xFFFF_FFFF)
        if handle >> 32 != 0, place.pointee.tenancy.load(ordering: .relaxed) == UInt32(handle >> 32) {
            place.pointee.memory.add(1, ordering: .relaxed)
        } else {
            countWithoutPlace(statement)
        }
    }

    private func countWithoutPlace(_ statement: KnownStatement) {
        let count = statement.place.uncounted.add(1, ordering: .relaxed).newValue
        if count >= Self.hitsBeforePlace { _ = place(of: statement) }
    }

    /// An answer that did not come from memory without waiting.
    func count(_ answer: AnsweredQuery, of statement: KnownStatement) {
        let place = place(of: statement)
        counters[place].count(answer.source)
        if let cause = answer.cause { counters[place].count(cause, ttl: answer.ttl) }
        if let key = answer.key { keys[place].note(key) }
        state.withLock { state in
            guard place < state.details.count else { return }
            state.details[place].namespace = answer.namespace
            if let reason = answer.reason { state.details[place].reason = reason }
        }
    }

    func countFetch(of statement: KnownStatement, microseconds: Int, bytes: Int) {
        counters[place(of: statement)].countFetch(microseconds: microseconds, bytes: bytes)
    }

    func countError(of statement: KnownStatement) {
        counters[place(of: statement)].errors.add(1, ordering: .relaxed)
    }

    // MARK: Places

    private func place(of statement: KnownStatement) -> Int {
        let handle = statement.place.handle.load(ordering: .relaxed)
        let known = Int(handle & 0xFFFF_FFFF)
        if handle >> 32 != 0, counters[known].tenancy.load(ordering: .relaxed) == UInt32(handle >> 32) { return known }
        var builder = CacheKeyBuilder()
        builder.append(statement.shape.template)
        let key = builder.finish()
        let hits = statement.place.uncounted.exchange(0, ordering: .relaxed)
        return state.withLock { state in
            let place = state.index[key] ?? take(statement.shape, key, &state)
            counters[place].memory.add(hits, ordering: .relaxed)
            let tenancy = UInt64(counters[place].tenancy.load(ordering: .relaxed))
            statement.place.handle.store(tenancy << 32 | UInt64(place), ordering: .relaxed)
            return place
        }
    }

    /// A free place, or that of the template with the fewest calls.
    private func take(_ shape: StatementShape, _ key: CacheKey, _ state: inout State) -> Int {
        var details = Details(
            key: key,
            statement: String(shape.template.prefix(Self.shownStatement)),
            fingerprint: shape.fingerprint
        )
        let place: Int
        if state.details.count < limit {
            place = state.details.count
            state.details.append(details)
        } else {
            let least = popLeast(&state)
            place = least.place
            details.inherited = least.calls
            state.index[state.details[place].key] = nil
            state.details[place] = details
            state.replacements += 1
        }
        state.index[key] = place
        counters[place].tenancy.wrappingAdd(1, ordering: .relaxed)
        counters[place].reset()
        keys[place].reset()
        state.ranks.insert(Rank(calls: details.inherited, place: place))
        return place
    }

    private func popLeast(_ state: inout State) -> Rank {
        while let least = state.ranks.popMin() {
            let now = state.details[least.place].inherited + counters[least.place].calls
            if now <= least.calls { return least }
            state.ranks.insert(Rank(calls: now, place: least.place))
        }
        preconditionFailure("a full table has a rank for each place")
    }

    // MARK: Reading

    /// Templates that gave their place to another.
    var replacements: Int { state.withLock { $0.replacements } }

    /// What the answers from the cache would have taken PostgreSQL, over all templates that have a place, in microseconds.
    var savedMicroseconds: Double {
        let count = state.withLock { $0.details.count }
        return (0..<count).reduce(0) { sum, place in
            let mean = counters[place].fetching.meanMicroseconds ?? 0
            return sum + mean * Double(counters[place].answers.hits)
        }
    }

    /// In no order.
    var figures: [QueryFigures] {
        let details = state.withLock { $0.details }
        return details.enumerated().map { place, details in
            var figures = QueryFigures()
            figures.statement = details.statement
            figures.fingerprint = details.fingerprint
            figures.namespace = details.namespace
            figures.reason = details.reason
            figures.uncountedAtMost = details.inherited
            figures.answers = counters[place].answers
            figures.fetching = counters[place].fetching
            figures.causes = counters[place].causes
            figures.errors = counters[place].errors.load(ordering: .relaxed)
            figures.distinctKeys = keys[place].estimate
            return figures
        }
    }
}

/// What there is to count of an answer.
struct AnsweredQuery {
    var source: AnswerSource
    var namespace: String
    /// Without the culprit.
    var reason: String?
    /// Of a look into the cache.
    var key: CacheKey?
    var cause: MissCause?
    /// Milliseconds.
    var ttl: Int64 = 0
}
