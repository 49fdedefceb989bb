internal import NIOCore
internal import Synchronization

/// Answers from memory, from the shared store, or from PostgreSQL, asked once however many want to know.
///
/// ```
/// memory ─ shared store ─ flight ─ (memory again, lease, generations) ─ PostgreSQL ─ shared store, memory
/// ```
///
/// What keeps stale answers away:
///
/// - Before anything is read, a ``TagSnapshot`` is taken. Whatever is read goes into memory with it, and is served from
///   there as long as it is current: as long as no invalidation of one of its tags has been seen since.
/// - The generations of the tags are read from the shared store before PostgreSQL is asked, and the answer is stored under
///   those. An entry whose generations are not the present ones is not served.
/// - Others' invalidations come over a channel. While that is not provably alive, memory serves only answers that are
///   younger than a bound; when it is back, everything in memory is dropped.
package final class QueryCache: Sendable {
    private let reloadable: Reloadable<QueryCacheSettings>
    let memory: MemoryStore<CachedResult>
    let shared: (any SharedStore)?
    let tags: TagTable
    let flights = FlightTable()
    let invalidations = InvalidationCounters()
    let clock: any CacheClock
    let jitter = SharedRandom()
    /// Until when, on the clock, no invalidation of another proxy can have gone unheard.
    private let trustedUntil: Atomic<Int64>

    /// - Parameter shared: nil for memory alone: this process is then the only one, and trusts itself.
    package init(
        settings: QueryCacheSettings,
        shared: (any SharedStore)?,
        tags: TagTable = TagTable(),
        clock: any CacheClock = MonotonicCacheClock()
    ) {
        reloadable = Reloadable(settings)
        self.shared = shared
        self.tags = tags
        self.clock = clock
        memory = MemoryStore(byteBudget: settings.memoryBytes)
        trustedUntil = Atomic(shared == nil ? .max : 0)
    }

    var settings: QueryCacheSettings { reloadable.value }

    package var guards: QueryCacheGuards { settings.guards }

    /// Takes other settings under way. A smaller memory evicts at once; guards stay as they were made.
    package func reload(_ settings: QueryCacheSettings) {
        var settings = settings
        settings.guards = self.settings.guards
        reloadable.replace(with: settings)
        memory.resize(byteBudget: settings.memoryBytes)
    }

    // MARK: Memory

    /// The answer, if memory holds a fresh one that need not be refreshed. Waits for nothing.
    package func memoryAnswer(for key: CacheKey, policy: CachePolicy) -> CacheAnswer? {
        guard let answer = freshInMemory(key, policy) else { return nil }
        if policy.refreshesEarly, EarlyRefresh.isDue(remaining: answer.remaining, cost: answer.cost) { return nil }
        return answer
    }

    /// The same for a caller who copies the body at once. Nil also where the answer may have to be refreshed early, which
    /// ``memoryAnswer(for:policy:)`` throws dice for.
    package func memoryHit(for key: CacheKey, policy: CachePolicy) -> MemoryHit? {
        guard let (result, age, remaining) = fresh(key, policy) else { return nil }
        if policy.refreshesEarly, EarlyRefresh.isPossible(remaining: remaining, cost: result.cost) { return nil }
        return MemoryHit(age: age, remaining: remaining, cost: result.cost, result: result)
    }

    /// Asks the processor for memory that ``memoryHit(for:policy:)`` will touch; the steps are to be taken in their order, with
    /// time between them.
    @inline(__always)
    package func prefetch(_ key: CacheKey, _ step: MemoryPrefetch) {
        memory.prefetch(key, step)?.prefetchBody()
    }

    /// A fresh answer.
    func freshInMemory(_ key: CacheKey, _ policy: CachePolicy) -> CacheAnswer? {
        guard let (result, age, remaining) = fresh(key, policy) else { return nil }
        return CacheAnswer(source: .memory, age: age, remaining: remaining, body: result.body, cost: result.cost)
    }

    @inline(__always)
    private func fresh(_ key: CacheKey, _ policy: CachePolicy) -> (CachedResult, age: Int64, remaining: Int64)? {
        guard policy.usesMemory, policy.maximumAge != 0, !policy.strict || shared == nil else { return nil }
        guard let result = currentResult(for: key) else { return nil }
        let now = clock.now
        let remaining = result.remaining(at: now, policy)
        let age = now - result.askedAt
        guard remaining > 0, age <= policy.maximumAge ?? .max, isTrusted(age: age, now) else { return nil }
        return (result, age, remaining)
    }

    /// What memory holds of a key and has not been invalidated, fresh or not.
    func currentResult(for key: CacheKey) -> CachedResult? {
        // A stale one stays until its successor takes its place, which keeps the key's standing in the eviction order.
        guard let result = memory.value(for: key), result.snapshot.isCurrent else { return nil }
        return result
    }

    func isTrusted(age: Int64, _ now: Int64) -> Bool {
        now < trustedUntil.load(ordering: .acquiring) || age <= settings.degradedMaximumAge
    }

    func remember(
        _ body: ByteBuffer,
        askedAt: Int64,
        expiresAt: Int64,
        cost: Int64,
        for key: CacheKey,
        _ snapshot: TagSnapshot
    ) {
        let snapshot = settings.guards.insertsOnlyIfUnseen ? snapshot : snapshot.retaken()
        guard snapshot.isCurrent else { return }
        let result = CachedResult(
            body: body,
            askedAt: askedAt,
            expiresAt: expiresAt,
            cost: cost,
            snapshot: snapshot
        )
        memory.insert(result, for: key, cost: body.readableBytes + snapshot.cost + 96)
    }

    // MARK: The channel

    /// Others' invalidations are heard for so long, in milliseconds from now.
    package func trustMemory(for milliseconds: Int64) {
        trustedUntil.store(clock.now + milliseconds, ordering: .releasing)
    }

    /// Others' invalidations may go unheard from now on.
    package func distrustMemory() {
        trustedUntil.store(0, ordering: .releasing)
    }

    /// Invalidations may have gone unheard: nothing that was read before is trusted. To be called after the channel is
    /// confirmed again, and before memory is trusted.
    package func dropMemory() {
        tags.invalidateEverything()
        memory.removeAll()
    }

    /// Another proxy has invalidated this.
    package func heard(_ invalidation: Invalidation) {
        invalidations.count(invalidation, isOwn: false)
        forget(invalidation)
    }

    private func forget(_ invalidation: Invalidation) {
        tags.invalidate(invalidation.tags)
        for pattern in invalidation.patterns {
            let glob = Glob(pattern)
            tags.invalidateUserTags(where: glob.matches)
        }
    }

    // MARK: Invalidation

    /// Drops everything that depends on the tags, here and everywhere. When it returns, no later read of this process sees
    /// what was there before.
    ///
    /// - Returns: false where the shared store could not be told; it is told first thing when it is back.
    package func invalidate(_ invalidation: Invalidation) async -> Bool {
        invalidations.count(invalidation, isOwn: true)
        guard let shared else {
            forget(invalidation)
            return true
        }
        // Once before, so that the store's own time does not count; once after, for what was read from the store under the
        // generations that were still there.
        forget(invalidation)
        let generations = Dictionary(uniqueKeysWithValues: invalidation.tags.map { ($0, Generation()) })
        let isComplete = await shared.invalidate(invalidation, renewing: generations)
        forget(invalidation)
        if isComplete { tags.learn(generations) }
        return isComplete
    }

    /// Whether memory holds an answer of before an invalidation, so that the shared store most likely has no other.
    package func isInvalidatedInMemory(_ key: CacheKey) -> Bool {
        memory.peek(key).map { !$0.snapshot.isCurrent } ?? false
    }

    package var statistics: QueryCacheStatistics {
        QueryCacheStatistics(
            memory: memory.statistics,
            tags: tags.count,
            flightsUnderWay: flights.count,
            flights: flights.started,
            joins: flights.joined,
            isMemoryTrusted: clock.now < trustedUntil.load(ordering: .acquiring),
            invalidations: invalidations.counts
        )
    }
}

package struct QueryCacheStatistics: Sendable {
    package var memory: MemoryStatistics
    package var tags: Int
    package var flightsUnderWay: Int
    /// Questions to PostgreSQL, and requests that waited for one of another.
    package var flights: Int
    package var joins: Int
    package var isMemoryTrusted: Bool
    package var invalidations: InvalidationCounts
}

extension TagSnapshot {
    /// Bytes.
    fileprivate var cost: Int { count * 16 + 32 }
}
