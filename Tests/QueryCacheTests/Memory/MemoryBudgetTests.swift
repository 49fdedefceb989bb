import QueryCache
import Testing

/// Random insertions, replacements, removals and reads of random costs, beside a plain implementation of the published
/// algorithm: after each step the two have the same entries, bytes, evictions and ghost hits.
@Suite struct MemoryBudgetTests {
    private static let keys = 400

    @Test(arguments: 1...6)
    func theSumOfCostsIsTheModelsAndWithinTheBudget(seed: Int) {
        let budget = 20_000 * seed
        let store = MemoryStore<LabelledValue>(byteBudget: budget, shards: 1)
        var model = ReferenceS3FIFO(keys: Self.keys, budget: budget, limitsGhostCount: true)
        var values = [LabelledValue?](repeating: nil, count: Self.keys)
        var generator = SplitMix64(seed: UInt64(seed))
        for step in 0..<10_000 {
            let label = Int.random(in: 0..<Self.keys, using: &generator)
            let key = CacheKey(numbered: label)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<10:
                let found = store.value(for: key)
                #expect(model.read(label) == (found != nil), "step \(step)")
                if let found { #expect(found === values[label]) }
            case 10..<18:
                let size = Int.random(in: 0...6, using: &generator) == 0 ? 5_000 : 500
                let cost = Int.random(in: 0...size, using: &generator)
                let value = LabelledValue(label)
                store.insert(value, for: key, cost: cost)
                model.insert(label, cost: cost + MemoryStore<LabelledValue>.overheadPerEntry)
                values[label] = value
            default:
                #expect(store.remove(key) == model.remove(label), "step \(step)")
            }
            let statistics = store.statistics
            guard
                statistics.bytes == model.bytes, statistics.bytes <= budget, statistics.entries == model.count,
                statistics.evictions == model.evictions, statistics.ghostHits == model.ghostHits
            else {
                Issue.record("step \(step): \(statistics), the model has \(model.count) entries, \(model.bytes) bytes")
                return
            }
        }
        #expect(store.statistics.evictions > 100 && store.statistics.ghostHits > 100)
        for label in 0..<Self.keys {
            #expect(store.remove(CacheKey(numbered: label)) == model.holds(label))
        }
        #expect(store.statistics.bytes == 0)
    }

    /// The table grows to what a burst of small values needs and gives it back, and loses nothing on either way.
    @Test func entriesSurviveGrowthAndShrinkage() {
        let store = MemoryStore<LabelledValue>(byteBudget: 100 << 20, shards: 1)
        for label in 0..<50_000 { store.insert(LabelledValue(label), for: CacheKey(numbered: label), cost: 10) }
        #expect(store.statistics.entries == 50_000)
        for label in 0..<50_000 where label % 1_000 != 0 {
            if !store.remove(CacheKey(numbered: label)) { Issue.record("\(label) was lost") }
        }
        #expect(store.statistics.entries == 50)
        for label in 0..<50_000 {
            let expected = label % 1_000 == 0 ? label : nil
            if store.value(for: CacheKey(numbered: label))?.label != expected { Issue.record("\(label) is wrong") }
        }
    }
}
