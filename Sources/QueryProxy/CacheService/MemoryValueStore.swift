package import NIOCore
package import QueryCache
internal import Synchronization

/// The cache service without Redis: values in this process, within a budget of their own.
package final class MemoryValueStore: ValueStore {
    private let table: Mutex<ValueTable>
    private let clock: any CacheClock
    private let budget: Int

    /// - Parameter budget: in bytes.
    package init(budget: Int, clock: any CacheClock = MonotonicCacheClock()) {
        self.budget = budget
        self.clock = clock
        table = Mutex(ValueTable(budget: budget))
    }

    package func value(at key: String) async throws(ValueStoreError) -> StoredValue? {
        let now = clock.now
        return table.withLock { $0.value(at: key, now: now) }
    }

    package func store(_ value: ByteBuffer, at key: String, lifetime: Int64) async throws(ValueStoreError) {
        let end = clock.now + lifetime
        let isStored = table.withLock { $0.store(value, at: key, expiresAt: end) }
        if !isStored { throw .tooLarge(limit: budget) }
    }

    package func remove(_ keys: [String]) async throws(ValueStoreError) -> Int {
        let now = clock.now
        return table.withLock { table in keys.count { table.remove($0, now: now) } }
    }

    package func contains(_ key: String) async throws(ValueStoreError) -> Bool {
        let now = clock.now
        return table.withLock { $0.contains(key, now: now) }
    }

    package func expire(_ key: String, in lifetime: Int64) async throws(ValueStoreError) -> Bool {
        let now = clock.now
        return table.withLock { $0.expire(key, at: now + lifetime, now: now) }
    }

    package func forget(_ invalidation: Invalidation) {
        let now = clock.now
        let keys = invalidation.keys + invalidation.tags.compactMap(\.userName)
        let globs = invalidation.patterns.map { Glob($0) }.filter(\.namesNamespace)
        table.withLock { table in
            for key in keys { _ = table.remove(key, now: now) }
            if !globs.isEmpty { table.removeAll { key in globs.contains { $0.matches(key) } } }
        }
    }

    /// For `stats`: how many values, their bytes, the budget.
    var figures: (count: Int, bytes: Int, budget: Int, evictions: Int) {
        table.withLock { ($0.count, $0.bytes, $0.budget, $0.evictions) }
    }
}
