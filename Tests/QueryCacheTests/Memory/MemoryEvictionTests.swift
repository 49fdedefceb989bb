import QueryCache
import Testing

/// Which entry leaves, told as transcripts. A store of one shard with room for twenty entries: two in the small queue, and
/// eighteen ghosts.
@Suite struct MemoryEvictionTests {
    private static let cost = 1_000

    private let store = MemoryStore<LabelledValue>(entries: 20, ofCost: cost)

    private func insert(_ labels: Int...) {
        for label in labels { insert(label) }
    }

    private func insert(_ labels: some Sequence<Int>) {
        for label in labels { insert(label) }
    }

    private func insert(_ label: Int) {
        store.insert(LabelledValue(label), for: CacheKey(numbered: label), costWithOverhead: Self.cost)
    }

    private func read(_ label: Int, times: Int = 1) {
        for _ in 0..<times {
            #expect(store.value(for: CacheKey(numbered: label))?.label == label)
        }
    }

    /// Taking an entry out tells whether it was there without counting as a request.
    private func remaining(of labels: some Sequence<Int>) -> [Int] {
        labels.filter { store.remove(CacheKey(numbered: $0)) }
    }

    @Test func whatIsAskedForOnceLeavesInTheOrderItCame() {
        insert(1...20)
        #expect(store.statistics.evictions == 0)
        insert(21, 22, 23)
        #expect(store.statistics.evictions == 3)
        #expect(remaining(of: 1...23) == Array(4...23))
    }

    @Test func oneMoreRequestDoesNotSaveAnEntryButTwoDo() {
        insert(1...20)
        read(1, times: 1)
        read(2, times: 2)
        insert(21, 22)
        #expect(remaining(of: 1...22) == [2] + Array(4...22))
    }

    @Test func aKeyThatComesBackAsAGhostGoesToTheMainQueue() {
        insert(1...20)
        insert(21)
        #expect(store.statistics.ghostHits == 0)
        insert(1)
        #expect(store.statistics.ghostHits == 1)
        // All others were asked for once and pass by; 1 stays, though it is among the oldest by now.
        insert(100..<140)
        #expect(remaining(of: 1...21) == [1])
    }

    @Test func aGhostIsForgottenAfterEighteenOthers() {
        insert(1...20)
        insert(21...38)
        insert(1)
        #expect(store.statistics.ghostHits == 1, "18 had left, 1 the first of them")

        insert(100..<200)
        insert(200)
        let before = store.statistics
        // 179 left last, 162 seventeen before it, 161 eighteen.
        insert(161)
        #expect(store.statistics.ghostHits == before.ghostHits)
    }

    @Test func anEntryInTheMainQueueIsSparedOncePerRequest() {
        // Twenty in the main queue, none in the small one.
        insert(1...20)
        for label in 1...20 { read(label, times: 2) }
        insert(21)
        // Promotion forgot the requests: 1 was the oldest and left. 21 is in the small queue, alone, below its share.
        read(2, times: 3)
        read(3, times: 1)
        insert(22)
        // 2 and 3 were spared and went to the end of the queue, 4 left.
        #expect(store.statistics.evictions == 2)
        insert(23)
        // The small queue has its share by now: 21 leaves.
        #expect(store.statistics.evictions == 3)
        #expect(remaining(of: 1...23) == [2, 3] + Array(5...20) + [22, 23])
    }

    @Test func requestsAreCountedUpToThree() {
        insert(1...20)
        for label in 1...20 { read(label, times: 2) }
        insert(21)
        // The main queue is 2 to 20. Were a hundred requests counted, 3 would leave in place of 2.
        read(2, times: 100)
        for label in 3...20 { read(label, times: 3) }
        insert(22)
        #expect(remaining(of: 1...22) == Array(3...22))
    }

    @Test func theSameSequenceHasTheSameOutcome() {
        func outcome() -> (MemoryStatistics, [Int]) {
            let store = MemoryStore<LabelledValue>(entries: 50, ofCost: Self.cost)
            var generator = SplitMix64(seed: 7)
            for _ in 0..<5_000 {
                let label = Int.random(in: 0..<200, using: &generator)
                let key = CacheKey(numbered: label)
                if store.value(for: key) == nil {
                    store.insert(LabelledValue(label), for: key, costWithOverhead: Self.cost)
                }
            }
            let statistics = store.statistics
            return (statistics, (0..<200).filter { store.remove(CacheKey(numbered: $0)) })
        }
        let (first, second) = (outcome(), outcome())
        #expect(first.0 == second.0)
        #expect(first.1 == second.1)
        #expect(first.0.evictions > 0 && first.0.ghostHits > 0)
    }
}
