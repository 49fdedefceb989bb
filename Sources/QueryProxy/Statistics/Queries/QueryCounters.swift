internal import QueryCache
internal import Synchronization

/// The counts of one template. Everything is counted with relaxed atomics; a hit in memory touches the first cache line only.
///
/// The template that a place's counts belong to changes when another one takes the place: `tenancy` tells them apart. A count
/// that was begun for the last tenant and ends after the change is the new one's: one call among those of a template that
/// had just been the rarest.
struct QueryCounters: ~Copyable {
    /// Raised with each new tenant. Zero: no tenant yet.
    let tenancy = Atomic<UInt32>(0)
    let memory = Atomic<Int>(0)
    let redis = Atomic<Int>(0)
    let miss = Atomic<Int>(0)
    let shared = Atomic<Int>(0)
    let stale = Atomic<Int>(0)
    let bypass = Atomic<Int>(0)

    let errors = Atomic<Int>(0)
    /// Questions that PostgreSQL answered, their time in microseconds, and the size of their answers.
    let fetches = Atomic<Int>(0)
    let fetchTime = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let largest = Atomic<Int>(0)

    let unseen = Atomic<Int>(0)
    let expired = Atomic<Int>(0)
    let expiredSoon = Atomic<Int>(0)
    let invalidated = Atomic<Int>(0)
    let tooOld = Atomic<Int>(0)

    borrowing func count(_ source: AnswerSource, _ number: Int = 1) {
        switch source {
        case .memory: memory.add(number, ordering: .relaxed)
        case .redis: redis.add(number, ordering: .relaxed)
        case .miss: miss.add(number, ordering: .relaxed)
        case .shared: shared.add(number, ordering: .relaxed)
        case .stale: stale.add(number, ordering: .relaxed)
        case .bypass: bypass.add(number, ordering: .relaxed)
        }
    }

    /// - Parameter ttl: milliseconds.
    borrowing func count(_ cause: MissCause, ttl: Int64) {
        switch cause {
        case .unseen: unseen.add(1, ordering: .relaxed)
        case .expired(let overdue):
            expired.add(1, ordering: .relaxed)
            if MissCauses.isSoon(overdue: overdue, ttl: ttl) { expiredSoon.add(1, ordering: .relaxed) }
        case .invalidated: invalidated.add(1, ordering: .relaxed)
        case .tooOld: tooOld.add(1, ordering: .relaxed)
        }
    }

    borrowing func countFetch(microseconds: Int, bytes size: Int) {
        fetches.add(1, ordering: .relaxed)
        fetchTime.add(microseconds, ordering: .relaxed)
        bytes.add(size, ordering: .relaxed)
        largest.max(size, ordering: .relaxed)
    }

    borrowing func reset() {
        for counter in [AnswerSource.memory, .redis, .miss, .shared, .stale, .bypass] { store(0, in: counter) }
        errors.store(0, ordering: .relaxed)
        fetches.store(0, ordering: .relaxed)
        fetchTime.store(0, ordering: .relaxed)
        bytes.store(0, ordering: .relaxed)
        largest.store(0, ordering: .relaxed)
        unseen.store(0, ordering: .relaxed)
        expired.store(0, ordering: .relaxed)
        expiredSoon.store(0, ordering: .relaxed)
        invalidated.store(0, ordering: .relaxed)
        tooOld.store(0, ordering: .relaxed)
    }

    private borrowing func store(_ number: Int, in source: AnswerSource) {
        switch source {
        case .memory: memory.store(number, ordering: .relaxed)
        case .redis: redis.store(number, ordering: .relaxed)
        case .miss: miss.store(number, ordering: .relaxed)
        case .shared: shared.store(number, ordering: .relaxed)
        case .stale: stale.store(number, ordering: .relaxed)
        case .bypass: bypass.store(number, ordering: .relaxed)
        }
    }

    var calls: Int {
        memory.load(ordering: .relaxed) + redis.load(ordering: .relaxed) + miss.load(ordering: .relaxed)
            + shared.load(ordering: .relaxed) + stale.load(ordering: .relaxed) + bypass.load(ordering: .relaxed)
    }

    var answers: AnswerCounts {
        AnswerCounts(
            memory: memory.load(ordering: .relaxed),
            redis: redis.load(ordering: .relaxed),
            miss: miss.load(ordering: .relaxed),
            shared: shared.load(ordering: .relaxed),
            stale: stale.load(ordering: .relaxed),
            bypass: bypass.load(ordering: .relaxed)
        )
    }

    var fetching: FetchFigures {
        FetchFigures(
            count: fetches.load(ordering: .relaxed),
            microseconds: fetchTime.load(ordering: .relaxed),
            bytes: bytes.load(ordering: .relaxed),
            largest: largest.load(ordering: .relaxed)
        )
    }

    var causes: MissCauses {
        MissCauses(
            unseen: unseen.load(ordering: .relaxed),
            expired: expired.load(ordering: .relaxed),
            expiredSoon: expiredSoon.load(ordering: .relaxed),
            invalidated: invalidated.load(ordering: .relaxed),
            tooOld: tooOld.load(ordering: .relaxed)
        )
    }
}
