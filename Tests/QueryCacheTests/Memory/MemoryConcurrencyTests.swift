import QueryCache
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads at the same keys. To be run with the thread sanitizer too.
@Suite struct MemoryConcurrencyTests {
    private static let threads = 8
    private static let operations = 200_000
    private static let keys = 2_000

    @Test(arguments: [1, 4])
    func noHitReturnsTheValueOfAnotherKey(shards: Int) async {
        // Room for a quarter of the keys, so that entries come and go and nodes are used again all the time.
        let store = MemoryStore<LabelledValue>(entries: Self.keys / 4, ofCost: 1_000, shards: shards)
        let keys = (0..<Self.keys).map { CacheKey(numbered: $0) }
        let hits = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        Self.onThreads { thread in
            var generator = SplitMix64(seed: UInt64(thread + 1))
            for _ in 0..<Self.operations {
                let bits = generator.next()
                // Half of the requests are for a hundred keys.
                let label = Int(bits >> 32) % (bits & 1 == 0 ? 100 : Self.keys)
                let found = store.value(for: keys[label])
                if let found {
                    hits.add(1, ordering: .relaxed)
                    if found.label != label { wrong.add(1, ordering: .relaxed) }
                }
                switch bits >> 8 & 63 {
                case 0: store.remove(keys[label])
                case 1: if let found { store.remove(keys[label], ifIdenticalTo: found) }
                case 2: if bits >> 16 & 1_023 == 0 { store.removeAll() }
                case 3...12: store.insert(LabelledValue(label), for: keys[label], cost: Int(bits >> 14 & 1_023))
                default: if found == nil { store.insert(LabelledValue(label), for: keys[label], cost: 500) }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(hits.load(ordering: .relaxed) > Self.operations)
        let statistics = store.statistics
        #expect(statistics.bytes <= statistics.budget)
        #expect(statistics.evictions > 0)
        let left = keys.filter { store.remove($0) }
        #expect(left.count == statistics.entries)
        #expect(store.statistics.bytes == 0)
    }

    /// Of the threads that remove the same value only one is told that it did.
    @Test func aValueIsRemovedOnce() {
        let store = MemoryStore<LabelledValue>(byteBudget: 1 << 20, shards: 1)
        let rounds = 2_000
        let removals = Atomic<Int>(0)
        let values = (0..<rounds).map { LabelledValue($0) }
        for value in values { store.insert(value, for: CacheKey(numbered: value.label), cost: 10) }
        Self.onThreads { _ in
            for value in values where store.remove(CacheKey(numbered: value.label), ifIdenticalTo: value) {
                removals.add(1, ordering: .relaxed)
            }
        }
        #expect(removals.load(ordering: .relaxed) == rounds)
    }

    /// Threads of their own, because the tests' pool has no more than there are processors.
    private static func onThreads(_ body: @escaping @Sendable (Int) -> Void) {
        final class Work: Sendable {
            let body: @Sendable () -> Void

            init(_ body: @escaping @Sendable () -> Void) {
                self.body = body
            }
        }
        let handles = (0..<threads).map { number in
            var handle = pthread_t()
            let work = Unmanaged.passRetained(Work { body(number) }).toOpaque()
            let failure = pthread_create(
                &handle,
                nil,
                { work in
                    if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                    return nil
                },
                work
            )
            precondition(failure == 0, "no thread could be made")
            return handle
        }
        for handle in handles { pthread_join(handle, nil) }
    }
}
