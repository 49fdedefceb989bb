internal import NIOCore
package import QueryCache
internal import Synchronization

/// A shared store in this process, with a channel whose messages are heard when the test says so.
package final class MemorySharedStore: SharedStore {
    private struct Kept {
        var bytes: ByteBuffer
        var until: Int64
    }

    private struct LeaseKey: Hashable {
        var key: CacheKey
        var generations: [Generation]
    }

    private struct State {
        var isUsable = true
        var hasUseForLeases = true
        var failsFills = false
        var entries: [CacheKey: Kept] = [:]
        var generations: [Tag: Generation] = [:]
        var leases: [LeaseKey: Lease] = [:]
        var waiters: [LeaseKey: [CheckedContinuation<Void, Never>]] = [:]
        var listeners: [QueryCache] = []
        var undelivered: [Invalidation] = []
        var deliversAtOnce = true
        var reads = 0
        var delayNextRead: (@Sendable () async -> Void)?
        var fills = 0
    }

    package struct Away: Error {}

    private let state = Mutex(State())
    private let clock: any CacheClock

    package init(clock: any CacheClock) {
        self.clock = clock
    }

    package var isUsable: Bool {
        get { state.withLock { $0.isUsable } }
        set { state.withLock { $0.isUsable = newValue } }
    }

    package var hasUseForLeases: Bool {
        get { state.withLock { $0.hasUseForLeases } }
        set { state.withLock { $0.hasUseForLeases = newValue } }
    }

    /// Whether it is away for whoever wants to fill, without having been so for whoever has looked.
    package var failsFills: Bool {
        get { state.withLock { $0.failsFills } }
        set { state.withLock { $0.failsFills = newValue } }
    }

    package var reads: Int { state.withLock { $0.reads } }
    package var fills: Int { state.withLock { $0.fills } }
    package var entryCount: Int { state.withLock { $0.entries.count } }
    package var leaseCount: Int { state.withLock { $0.leases.count } }
    package var waiting: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

    /// Whether invalidations are heard by the caches at once, or by ``deliver()``.
    package var deliversAtOnce: Bool {
        get { state.withLock { $0.deliversAtOnce } }
        set { state.withLock { $0.deliversAtOnce = newValue } }
    }

    /// The next read gets what the store holds now, and returns it when this has ended.
    package func delayNextRead(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { $0.delayNextRead = body }
    }

    package func connect(_ cache: QueryCache) {
        state.withLock { $0.listeners.append(cache) }
        cache.trustMemory(for: 1 << 40)
    }

    package func deliver() {
        let (listeners, messages) = state.withLock { state in
            defer { state.undelivered = [] }
            return (state.listeners, state.undelivered)
        }
        for message in messages { for listener in listeners { listener.heard(message) } }
    }

    /// As FLUSHALL.
    package func flush() {
        state.withLock { state in
            state.entries = [:]
            state.generations = [:]
        }
    }

    /// The holder of a lease died, and its time is over.
    package func expireLeases() {
        let waiters = state.withLock { state in
            state.leases = [:]
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values.joined() { waiter.resume() }
    }

    package func read(_ key: CacheKey, _ tags: TagList) async throws -> SharedRead {
        let now = clock.now
        let (read, delay) = try state.withLock { state in
            guard state.isUsable else { throw Away() }
            state.reads += 1
            defer { state.delayNextRead = nil }
            if let kept = state.entries[key], kept.until <= now { state.entries[key] = nil }
            let read = SharedRead(
                entry: state.entries[key]?.bytes,
                remaining: state.entries[key].map { $0.until - now },
                generations: tags.map { state.generations[$0] }
            )
            return (read, state.delayNextRead)
        }
        await delay?()
        return read
    }

    package func prepareFill(
        of key: CacheKey,
        _ tags: TagList,
        current: [Generation?],
        wantsLease: Bool,
        _ body: @escaping @Sendable (Result<FillPreparation, any Error>) -> Void
    ) {
        let preparation: Result<FillPreparation, any Error> = state.withLock { state in
            guard state.isUsable, !state.failsFills else { return .failure(Away()) }
            let generations = zip(tags, current).map { tag, known in
                if let known { return known }
                let generation = state.generations[tag] ?? Generation()
                state.generations[tag] = generation
                return generation
            }
            guard wantsLease, state.hasUseForLeases else {
                return .success(FillPreparation(generations: generations, lease: .notWanted))
            }
            let name = LeaseKey(key: key, generations: generations)
            if state.leases[name] != nil {
                return .success(FillPreparation(generations: generations, lease: .taken))
            }
            let lease = Lease(generations: generations, token: Generation())
            state.leases[name] = lease
            return .success(FillPreparation(generations: generations, lease: .held(lease)))
        }
        body(preparation)
    }

    package func fill(_ key: CacheKey, _ entry: StoredEntry, lease: Lease?) {
        let isStored = state.withLock { state in
            guard state.isUsable else { return false }
            state.fills += 1
            state.entries[key] = Kept(bytes: entry.bytes, until: clock.now + entry.lifetime)
            return true
        }
        if isStored, let lease { giveBack(key, lease) }
    }

    package func release(_ key: CacheKey, _ lease: Lease) {
        giveBack(key, lease)
    }

    private func giveBack(_ key: CacheKey, _ lease: Lease) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            let name = LeaseKey(key: key, generations: lease.generations)
            guard state.leases[name] == lease else { return [] }
            state.leases[name] = nil
            return state.waiters.removeValue(forKey: name) ?? []
        }
        for waiter in waiters { waiter.resume() }
    }

    package func waitForFill(of key: CacheKey, under generations: [Generation]) async {
        let name = LeaseKey(key: key, generations: generations)
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.leases[name] != nil else { return true }
                state.waiters[name, default: []].append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    package func invalidate(_ invalidation: Invalidation) async -> Bool {
        await invalidate(invalidation, renewing: [:])
    }

    package func invalidate(_ invalidation: Invalidation, renewing generations: [Tag: Generation]) async -> Bool {
        let isDone = state.withLock { state in
            guard state.isUsable else { return false }
            for tag in invalidation.tags { state.generations[tag] = generations[tag] ?? Generation() }
            for pattern in invalidation.patterns {
                let glob = Glob(pattern)
                for tag in state.generations.keys {
                    if case .user(let name) = tag, glob.matches(name) { state.generations[tag] = Generation() }
                }
            }
            state.undelivered.append(invalidation)
            return true
        }
        if isDone && deliversAtOnce { deliver() }
        return isDone
    }
}
