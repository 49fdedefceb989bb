internal import Synchronization

/// Values in this process's memory, up to a budget of bytes, found by key from any thread.
///
/// The keys are divided among shards by their first word. Each is an S3-FIFO cache of its own (``MemoryShard``) behind a lock
/// of its own (``ReaderStripedLocks``). A hit takes a lock that only its thread uses, as a rule, and writes nothing
/// else that is shared but, in an entry not yet known to be popular, a counter, and the reference count of the value.
///
/// Values that leave are released after the lock is given back: freeing a large one takes time, and what its `deinit`
/// does is not known here.
package final class MemoryStore<Value: AnyObject & Sendable>: Sendable {
    /// Bytes that an entry takes besides its value, which every cost has added to it.
    ///
    /// 64 for its node and 64 for the ghost it may leave behind, and for each of the two between 11 and 21 in the index.
    /// Measured as the growth of the resident set by 100,000 to 830,000 entries that share one value, and the ghosts of as
    /// many that had left: 163 bytes an entry, up to 203 just after the table has grown, when what it lay in before is free
    /// but still the process's.
    package static var overheadPerEntry: Int { 192 }

    /// A shard is to hold at least this much, so that values of several megabytes find room in each.
    private static var smallestShard: Int { 16 << 20 }

    private let byteBudget: Atomic<Int>
    private let shardCount: Int
    private let shards: ReaderStripedLocks<MemoryShard>
    /// The largest cost, in bytes, that ``insert(_:for:cost:)`` takes: half of a shard less the overhead. Below 0 where
    /// nothing at all can be stored.
    package var largestCost: Int { shardBudget / 2 - Self.overheadPerEntry }

    private var shardBudget: Int { byteBudget.load(ordering: .relaxed) / shardCount }

    /// - Parameters:
    ///   - byteBudget: for the costs of all entries with their overhead; 0 stores nothing.
    ///   - shards: chosen by the budget if nil: one for each 16 MiB, at least 1, at most 256. The budget is divided evenly
    ///     among them and what one does not use is of no use to another.
    package init(byteBudget: Int, shards: Int? = nil) {
        let byteBudget = max(0, byteBudget)
        let shardCount = max(1, shards ?? min(256, byteBudget / Self.smallestShard))
        let shardBudget = byteBudget / shardCount
        self.byteBudget = Atomic(byteBudget)
        self.shardCount = shardCount
        self.shards = ReaderStripedLocks(count: shardCount, stripes: ReaderStripes.count) { _ in
            MemoryShard(budget: shardBudget)
        }
    }

    /// Another budget for the same shards; what is over it leaves now.
    package func resize(byteBudget bytes: Int) {
        byteBudget.store(max(0, bytes), ordering: .relaxed)
        let budget = shardBudget
        for index in 0..<shardCount {
            withDropped { dropped in
                shards.withWriteLock(index) { $0.resize(budget: budget, dropped: &dropped) }
            }
        }
    }

    /// The value of a key, counted as a request for it.
    package func value(for key: CacheKey) -> Value? {
        guard let value = shards.withReadLock(shard(of: key), { $0.value(for: key) }) else { return nil }
        // Only insert(_:for:cost:) brings values in, and it takes no others.
        return unsafeDowncast(value, to: Value.self)
    }

    /// The value of a key, without counting as a request for it.
    package func peek(_ key: CacheKey) -> Value? {
        guard let value = shards.withReadLock(shard(of: key), { $0.peek(key) }) else { return nil }
        return unsafeDowncast(value, to: Value.self)
    }

    /// Asks the processor for memory that ``value(for:)`` will touch.
    ///
    /// - Returns: the value, at the last step.
    @inline(__always)
    package func prefetch(_ key: CacheKey, _ step: MemoryPrefetch) -> Value? {
        shards.withReadLock(shard(of: key)) { $0.prefetch(key, step) }.map { unsafeDowncast($0, to: Value.self) }
    }

    /// Stores a value in place of the one that the key may have had. One that costs more than ``largestCost`` is not stored,
    /// and what the key had before is removed.
    ///
    /// - Parameter cost: bytes of memory that the value takes, without the store's overhead.
    package func insert(_ value: Value, for key: CacheKey, cost: Int) {
        // Added to Int.max it would trap.
        let charged = cost > largestCost ? Int.max : max(0, cost) + Self.overheadPerEntry
        withDropped { dropped in
            shards.withWriteLock(shard(of: key)) { $0.insert(value, for: key, cost: charged, dropped: &dropped) }
        }
    }

    /// Removes the key's value if it is this very object; a value that has taken its place meanwhile stays.
    @discardableResult
    package func remove(_ key: CacheKey, ifIdenticalTo value: Value) -> Bool {
        withDropped { dropped in
            shards.withWriteLock(shard(of: key)) { $0.remove(key, ifIdenticalTo: value, dropped: &dropped) }
        }
    }

    @discardableResult
    package func remove(_ key: CacheKey) -> Bool {
        withDropped { dropped in
            shards.withWriteLock(shard(of: key)) { $0.remove(key, dropped: &dropped) }
        }
    }

    /// Shard by shard: a value inserted meanwhile may stay.
    package func removeAll() {
        for index in 0..<shardCount { _ = shards.withWriteLock(index) { $0.removeAll() } }
    }

    package var statistics: MemoryStatistics {
        var sum = MemoryStatistics()
        sum.budget = byteBudget.load(ordering: .relaxed)
        for index in 0..<shardCount {
            let shard = shards.withReadLock(index) { $0.statistics }
            sum.entries += shard.entries
            sum.bytes += shard.bytes
            sum.insertions += shard.insertions
            sum.evictions += shard.evictions
            sum.ghostHits += shard.ghostHits
            sum.rejected += shard.rejected
        }
        return sum
    }

    /// The high word of the product, so that any number of shards will do.
    @inline(__always)
    private func shard(of key: CacheKey) -> Int {
        Int(truncatingIfNeeded: key.w0.multipliedFullWidth(by: UInt64(truncatingIfNeeded: shardCount)).high)
    }

    /// Keeps what the body drops alive until the body, and with it the lock, is done.
    private func withDropped<Result>(_ body: (inout [MemoryValue]) -> Result) -> Result {
        var dropped: [MemoryValue] = []
        return body(&dropped)
    }
}
