internal import CPrefetch
internal import Synchronization

/// The steps in which a look-up's memory can be fetched ahead.
package enum MemoryPrefetch: CaseIterable, Sendable {
    case index, node, value, content
}

/// S3-FIFO with a byte budget: one part of a ``MemoryStore``. A value: locking is its owner's affair.
///
/// A new key enters the *small* queue, a tenth of the budget. Most keys are asked for once: those leave from there, soon,
/// and only their keys stay behind as *ghosts*. A key that was asked for at least twice more when its turn comes moves to the
/// *main* queue, and so does one that comes back while it is a ghost. In the main queue an entry's turn costs it one of its
/// counted requests instead of its place, until none is left. A hit therefore moves nothing; it counts.
///
/// (Yang, Zhang, Qiu, Yue, Vinayak: FIFO queues are all you need for cache eviction, SOSP 2023.) Where the paper counts
/// entries this counts bytes, the ghosts' as if they still had their values.
///
/// Invariants: `bytes` is the sum of the costs in small and main, and between calls never above the budget; between calls
/// the ghosts' costs are within nine tenths of the budget, and they are no more than the entries, so that what an entry
/// is charged pays for the memory of one ghost; the same calls have the same outcome.
struct MemoryShard: ~Copyable {
    typealias Number = MemoryTable.Number

    private struct Load {
        var count = 0
        var bytes = 0
    }

    /// Requests after the first that take an entry from small to main.
    private static let promotionFrequency: UInt8 = 2

    private var budget: Int
    private var table = MemoryTable()
    private var small = Load()
    private var main = Load()
    private var ghosts = Load()
    private var counters = MemoryStatistics()

    /// - Parameter budget: in bytes of cost.
    init(budget: Int) {
        self.budget = budget
    }

    private var bytes: Int { small.bytes + main.bytes }
    private var count: Int { small.count + main.count }

    /// A single entry gets half of the budget at most: a larger one would displace nearly all others.
    var largestCost: Int { budget / 2 }

    var statistics: MemoryStatistics {
        var statistics = counters
        statistics.entries = count
        statistics.bytes = bytes
        return statistics
    }

    // MARK: Use

    @inline(__always)
    borrowing func value(for key: CacheKey) -> MemoryValue? {
        guard let number = table.find(key), let value = table[number].pointee.value else { return nil }
        table[number].pointee.countRequest()
        return value
    }

    borrowing func peek(_ key: CacheKey) -> MemoryValue? {
        guard let number = table.find(key) else { return nil }
        return table[number].pointee.value
    }

    /// Asks the processor for the memory that a look-up will touch, a step at a time: each needs what the one before has
    /// fetched. The value itself is returned by the last.
    @inline(__always)
    borrowing func prefetch(_ key: CacheKey, _ step: MemoryPrefetch) -> MemoryValue? {
        switch step {
        case .index: cistern_prefetch(table.bucketAddress(of: key))
        case .node: if let node = table.likelyNode(of: key) { cistern_prefetch(node) }
        case .value: if let node = table.likelyNode(of: key) { cistern_prefetch(MemoryNode.valueAddress(node)) }
        case .content: return peek(key)
        }
        return nil
    }

    /// Stores a value, in place of the key's present one if there is any. A value that costs more than ``largestCost`` is
    /// not stored, and the present one goes all the same: it is out of date.
    ///
    /// A replacement keeps its place in the queue. If it needs more room than there was and its turn has come, it leaves as
    /// any other entry would.
    ///
    /// - Parameter dropped: receives the values that left, for the caller to release outside the lock.
    mutating func insert(_ value: MemoryValue, for key: CacheKey, cost: Int, dropped: inout [MemoryValue]) {
        guard cost <= largestCost else {
            counters.rejected += 1
            remove(key, dropped: &dropped)
            return
        }
        counters.insertions += 1
        let known = table.find(key)
        if let known, let replaced = table[known].pointee.value {
            dropped.append(replaced)
            let growth = cost - table[known].pointee.cost
            table[known].pointee.value = value
            table[known].pointee.cost = cost
            account(table[known].pointee.queue, count: 0, bytes: growth)
            makeRoom(for: 0, dropped: &dropped)
        } else {
            // A returning ghost is taken out before room is made, lest it is forgotten meanwhile.
            if let known { pull(known) }
            makeRoom(for: cost, dropped: &dropped)
            let number = known ?? table.add(key)
            table[number].pointee.value = value
            table[number].pointee.cost = cost
            table[number].pointee.frequency.store(0, ordering: .relaxed)
            push(number, into: known == nil ? .small : .main)
            if known != nil { counters.ghostHits += 1 }
        }
        forgetGhosts()
    }

    /// - Parameter expected: nil, or the only value that may be removed.
    @discardableResult
    mutating func remove(
        _ key: CacheKey,
        ifIdenticalTo expected: MemoryValue? = nil,
        dropped: inout [MemoryValue]
    ) -> Bool {
        guard let number = table.find(key), let value = table[number].pointee.value else { return false }
        if let expected, expected !== value { return false }
        pull(number)
        drop(number, into: &dropped)
        table.discard(number)
        forgetGhosts()
        return true
    }

    /// Forgets everything but the counters. The old table, which is to be destroyed outside the lock.
    mutating func removeAll() -> MemoryTable {
        var emptied = MemoryTable()
        swap(&emptied, &table)
        small = Load()
        main = Load()
        ghosts = Load()
        return emptied
    }

    /// Another budget; the least useful entries leave until the rest is within it.
    mutating func resize(budget: Int, dropped: inout [MemoryValue]) {
        self.budget = budget
        makeRoom(for: 0, dropped: &dropped)
        forgetGhosts()
    }

    // MARK: Eviction

    private mutating func makeRoom(for cost: Int, dropped: inout [MemoryValue]) {
        while bytes + cost > budget {
            if main.count == 0 || (small.count > 0 && small.bytes >= budget / 10) {
                evictFromSmall(into: &dropped)
            } else {
                evictFromMain(into: &dropped)
            }
        }
    }

    /// Ends with the first entry that leaves, or with the queue empty because all entries were worth keeping.
    private mutating func evictFromSmall(into dropped: inout [MemoryValue]) {
        while let number = table.oldest(of: .small) {
            pull(number)
            if table[number].pointee.frequency.load(ordering: .relaxed) >= Self.promotionFrequency {
                table[number].pointee.frequency.store(0, ordering: .relaxed)
                push(number, into: .main)
            } else {
                drop(number, into: &dropped)
                push(number, into: .ghost)
                counters.evictions += 1
                return
            }
        }
    }

    /// Ends with the first entry that leaves. Requests are not counted meanwhile, so every round brings that nearer.
    private mutating func evictFromMain(into dropped: inout [MemoryValue]) {
        while let number = table.oldest(of: .main) {
            pull(number)
            let frequency = table[number].pointee.frequency.load(ordering: .relaxed)
            if frequency > 0 {
                table[number].pointee.frequency.store(frequency - 1, ordering: .relaxed)
                push(number, into: .main)
            } else {
                drop(number, into: &dropped)
                table.discard(number)
                counters.evictions += 1
                return
            }
        }
    }

    private mutating func forgetGhosts() {
        while ghosts.bytes > budget / 10 * 9 || ghosts.count > count, let number = table.oldest(of: .ghost) {
            pull(number)
            table.discard(number)
        }
        table.compactIfSparse()
    }

    // MARK: Nodes

    private mutating func drop(_ number: Number, into dropped: inout [MemoryValue]) {
        if let value = table[number].pointee.value.take() { dropped.append(value) }
    }

    private mutating func pull(_ number: Number) {
        table.unlink(number)
        account(table[number].pointee.queue, count: -1, bytes: -table[number].pointee.cost)
    }

    private mutating func push(_ number: Number, into queue: MemoryQueue) {
        table.push(number, into: queue)
        account(queue, count: 1, bytes: table[number].pointee.cost)
    }

    private mutating func account(_ queue: MemoryQueue, count: Int, bytes: Int) {
        switch queue {
        case .small:
            small.count += count
            small.bytes += bytes
        case .main:
            main.count += count
            main.bytes += bytes
        case .ghost:
            ghosts.count += count
            ghosts.bytes += bytes
        case .free:
            break
        }
    }
}
