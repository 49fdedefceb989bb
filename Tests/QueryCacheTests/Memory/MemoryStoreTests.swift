import QueryCache
import Testing

@Suite struct MemoryStoreTests {
    private static let overhead = MemoryStore<LabelledValue>.overheadPerEntry

    private let store = MemoryStore<LabelledValue>(byteBudget: 100_000, shards: 1)
    private let key = CacheKey(numbered: 1)

    @Test func aValueIsFoundUnderItsKeyOnly() {
        let value = LabelledValue(1)
        store.insert(value, for: key, cost: 10)
        #expect(store.value(for: key) === value)
        #expect(store.value(for: CacheKey(key.w0, key.w1, key.w2, key.w3 + 1)) == nil)
        #expect(store.value(for: CacheKey(key.w0, key.w1, key.w2 + 1, key.w3)) == nil)
        #expect(store.value(for: CacheKey(numbered: 2)) == nil)
    }

    /// Only the second word leads to a bucket: keys that share it are told apart, and found past each other's removal.
    @Test func keysThatFallTogetherAreKeptApart() {
        let keys = (0..<40).map { CacheKey($0, 5, 0, 0) }
        for (label, key) in keys.enumerated() { store.insert(LabelledValue(label), for: key, cost: 10) }
        for (label, key) in keys.enumerated() where label % 3 == 0 {
            #expect(store.remove(key), "\(label)")
        }
        for (label, key) in keys.enumerated() {
            #expect(store.value(for: key)?.label == (label % 3 == 0 ? nil : label))
        }
    }

    /// Where it asks the processor for cannot be seen; that the value which it reads past its type is the value can.
    @Test func whatIsFetchedAheadIsTheValue() {
        let values = (0..<500).map { LabelledValue($0) }
        for value in values { store.insert(value, for: CacheKey(numbered: value.label), cost: 10) }
        for number in 0..<1000 {
            let key = CacheKey(numbered: number)
            for step in MemoryPrefetch.allCases.dropLast() { #expect(store.prefetch(key, step) == nil) }
            #expect(store.prefetch(key, .content) === store.peek(key))
        }
        for value in values { store.remove(CacheKey(numbered: value.label)) }
        for step in MemoryPrefetch.allCases { #expect(store.prefetch(key, step) == nil) }
    }

    @Test func aReplacementTakesThePlaceAndTheCost() {
        store.insert(LabelledValue(1), for: key, cost: 1_000)
        #expect(store.statistics.bytes == 1_000 + Self.overhead)
        let second = LabelledValue(2)
        store.insert(second, for: key, cost: 300)
        #expect(store.value(for: key) === second)
        #expect(store.statistics.bytes == 300 + Self.overhead)
        #expect(store.statistics.entries == 1)
        #expect(store.statistics.insertions == 2)
        #expect(store.statistics.evictions == 0)
    }

    @Test func aReplacementThatGrewMakesOthersLeave() {
        let store = MemoryStore<LabelledValue>(entries: 20, ofCost: 1_000)
        for label in 1...20 {
            store.insert(LabelledValue(label), for: CacheKey(numbered: label), costWithOverhead: 1_000)
        }
        store.insert(LabelledValue(0), for: CacheKey(numbered: 20), costWithOverhead: 3_500)
        #expect(store.statistics.bytes == 17 * 1_000 - 1_000 + 3_500)
        #expect(store.statistics.evictions == 3)
        #expect(store.value(for: CacheKey(numbered: 20))?.label == 0)
        #expect(store.value(for: CacheKey(numbered: 3)) == nil)
    }

    @Test func onlyTheExpectedValueIsRemoved() {
        let stale = LabelledValue(1)
        let fresh = LabelledValue(1)
        store.insert(stale, for: key, cost: 10)
        store.insert(fresh, for: key, cost: 10)
        #expect(!store.remove(key, ifIdenticalTo: stale))
        #expect(store.value(for: key) === fresh)
        #expect(store.remove(key, ifIdenticalTo: fresh))
        #expect(store.value(for: key) == nil)
        #expect(!store.remove(key, ifIdenticalTo: fresh))
        #expect(store.statistics.bytes == 0)
    }

    @Test func removingTellsWhetherAnythingWasThere() {
        store.insert(LabelledValue(1), for: key, cost: 10)
        #expect(store.remove(key))
        #expect(!store.remove(key))
        #expect(store.statistics.entries == 0)
    }

    @Test func nothingIsLeftAfterRemoveAll() {
        let store = MemoryStore<LabelledValue>(byteBudget: 1 << 20, shards: 3)
        for label in 0..<1_000 { store.insert(LabelledValue(label), for: CacheKey(numbered: label), cost: 100) }
        #expect(store.statistics.entries == 1_000)
        store.removeAll()
        #expect(store.statistics.entries == 0)
        #expect(store.statistics.bytes == 0)
        #expect(store.statistics.insertions == 1_000)
        #expect((0..<1_000).allSatisfy { store.value(for: CacheKey(numbered: $0)) == nil })
        store.insert(LabelledValue(1), for: key, cost: 10)
        #expect(store.value(for: key)?.label == 1)
    }

    @Test func withoutABudgetNothingIsStored() {
        let store = MemoryStore<LabelledValue>(byteBudget: 0)
        store.insert(LabelledValue(1), for: key, cost: 0)
        #expect(store.value(for: key) == nil)
        #expect(store.statistics.rejected == 1)
        #expect(store.statistics.insertions == 0)
        #expect(!store.remove(key))
        store.removeAll()
    }

    /// The old value is out of date when a new one is there, whether or not that one is stored.
    @Test(arguments: [0, 1, Int.max - 100_000])
    func aValueTooLargeIsNotStoredAndItsPredecessorGoes(_ excess: Int) {
        store.insert(LabelledValue(1), for: key, cost: 10)
        store.insert(LabelledValue(2), for: key, cost: store.largestCost + excess)
        #expect(store.value(for: key)?.label == (excess == 0 ? 2 : nil))
        #expect(store.statistics.rejected == (excess == 0 ? 0 : 1))
        #expect(store.statistics.entries == (excess == 0 ? 1 : 0))
    }

    @Test(arguments: [8, 16, 31, 64, 1_000])
    func valuesOfFourMegabytesFindRoomInAnyShard(_ mebibytes: Int) {
        let store = MemoryStore<LabelledValue>(byteBudget: mebibytes << 20)
        #expect(store.largestCost >= 4 << 20 || mebibytes == 8)
        for label in 0..<100 {
            let key = CacheKey(numbered: label)
            store.insert(LabelledValue(label), for: key, cost: min(4 << 20, store.largestCost))
            #expect(store.value(for: key)?.label == label)
            #expect(store.statistics.bytes <= store.statistics.budget)
        }
        #expect(store.statistics.rejected == 0)
    }

    @Test func valuesAreReleasedWhenTheyLeave() {
        let value = LabelledValue(1)
        weak var evicted: LabelledValue?
        weak var replaced: LabelledValue?
        weak var cleared: LabelledValue?
        do {
            let store = MemoryStore<LabelledValue>(entries: 4, ofCost: 1_000)
            func insert(_ label: Int) -> LabelledValue {
                let value = LabelledValue(label)
                store.insert(value, for: CacheKey(numbered: label), costWithOverhead: 1_000)
                return value
            }
            evicted = insert(1)
            replaced = insert(2)
            #expect(evicted != nil && replaced != nil)
            store.insert(value, for: CacheKey(numbered: 2), costWithOverhead: 1_000)
            #expect(replaced == nil)
            for label in 3...5 { _ = insert(label) }
            #expect(evicted == nil)
            cleared = insert(6)
            #expect(cleared != nil)
            store.removeAll()
            #expect(cleared == nil)
            cleared = insert(7)
        }
        #expect(cleared == nil, "the store is gone")
    }

    /// A deinit that uses the store would wait for ever if values were released under its lock.
    @Test func aValueMayUseTheStoreAsItGoes() {
        final class Visitor: Sendable {
            let store: MemoryStore<Visitor>
            let key: CacheKey

            init(_ store: MemoryStore<Visitor>, _ key: CacheKey) {
                self.store = store
                self.key = key
            }

            deinit {
                _ = store.remove(key)
            }
        }
        let store = MemoryStore<Visitor>(entries: 4, ofCost: 1_000)
        for label in 0..<20 {
            let key = CacheKey(numbered: label)
            store.insert(Visitor(store, key), for: key, costWithOverhead: 1_000)
        }
        #expect(store.statistics.evictions == 16)
        store.removeAll()
        #expect(store.statistics.entries == 0)
    }
}
