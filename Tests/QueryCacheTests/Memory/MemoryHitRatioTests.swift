import QueryCache
import Testing

/// Hit ratios on 5,000,000 requests for 1,000,000 keys whose popularity falls with rank to the power of 0.9, caches cold at
/// the start.
@Suite struct MemoryHitRatioTests {
    struct Expectation: Sendable {
        let entries: Int
        /// Per cent.
        let published: Double
        let leastRecentlyUsed: Double
    }

    private static let keys = 1_000_000
    private static let cost = 1_000
    private static let expectations = [
        Expectation(entries: keys / 100, published: 49.3, leastRecentlyUsed: 39.5),
        Expectation(entries: keys / 1_000, published: 33.2, leastRecentlyUsed: 22.4),
    ]

    private static let requests: ContiguousArray<UInt32> = {
        var trace = ZipfTrace(ranks: keys, exponent: 0.9, seed: 1)
        var requests: ContiguousArray<UInt32> = []
        requests.reserveCapacity(5_000_000)
        for _ in 0..<5_000_000 { requests.append(trace.next()) }
        return requests
    }()

    private static let cacheKeys = ContiguousArray((0..<keys).map { CacheKey(numbered: $0) })

    @Test(arguments: zip(expectations + [expectations[0]], [1, 1, 4]))
    func theStoreIsAsGoodAsThePublishedAlgorithm(_ expected: Expectation, shards: Int) {
        let store = MemoryStore<LabelledValue>(entries: expected.entries, ofCost: Self.cost, shards: shards)
        let value = LabelledValue(0)
        let ratio = Self.hitRatio { rank in
            let key = Self.cacheKeys[rank]
            if store.value(for: key) != nil { return true }
            store.insert(value, for: key, costWithOverhead: Self.cost)
            return false
        }
        #expect(abs(ratio - expected.published) <= 0.3, "\(ratio) %")
        #expect(store.statistics.entries == expected.entries)
    }

    /// The figures that the store is held to are this trace's, not another's.
    @Test(arguments: expectations)
    func thePseudoCodeHasThePublishedFigure(_ expected: Expectation) {
        var reference = ReferenceS3FIFO(keys: Self.keys, budget: expected.entries)
        let ratio = Self.hitRatio { rank in
            if reference.read(rank) { return true }
            reference.insert(rank, cost: 1)
            return false
        }
        #expect(abs(ratio - expected.published) <= 0.3, "\(ratio) %")
    }

    @Test(arguments: expectations)
    func leastRecentlyUsedIsFarBehind(_ expected: Expectation) {
        var reference = ReferenceLRU(keys: Self.keys, capacity: expected.entries)
        let ratio = Self.hitRatio { reference.request($0) }
        #expect(abs(ratio - expected.leastRecentlyUsed) <= 0.3, "\(ratio) %")
    }

    /// In per cent of all requests.
    private static func hitRatio(_ request: (Int) -> Bool) -> Double {
        requests.withUnsafeBufferPointer { requests in
            var hits = 0
            var index = 0
            while index < requests.count {
                if request(Int(requests[index])) { hits += 1 }
                index += 1
            }
            return 100 * Double(hits) / Double(requests.count)
        }
    }
}
