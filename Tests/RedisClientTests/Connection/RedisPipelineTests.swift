import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisPipelineTests {
    private typealias Pipeline = RedisPipeline<String>

    private func reply(_ number: Int64) -> RESPValue { .integer(number) }

    /// What a delivery says: `a[1,2]` for a whole batch.
    private func text(_ delivery: Pipeline.Delivery) -> String {
        switch delivery {
        case .partial: "partial"
        case .complete(let waiter, let replies): "\(waiter)[\(replies.compactMap(\.string).joined(separator: ","))]"
        case .unexpected: "unexpected"
        }
    }

    private func append(
        _ waiter: String,
        _ count: Int,
        bytes: Int = 1,
        at seconds: Int64 = 1,
        to pipeline: inout Pipeline
    ) -> Bool {
        let deadline = NIODeadline.uptimeNanoseconds(0) + .seconds(seconds)
        return pipeline.append(waiter, count: count, bytes: bytes, deadline: deadline)
    }

    @Test func repliesGoToTheOldestBatchThatIsNotWhole() {
        var pipeline = Pipeline()
        #expect(append("a", 2, to: &pipeline))
        #expect(append("b", 1, to: &pipeline))
        #expect(append("c", 3, to: &pipeline))
        let deliveries = (1...7).map { text(pipeline.receive(reply($0))) }
        #expect(deliveries == ["partial", "a[1,2]", "b[3]", "partial", "partial", "c[4,5,6]", "unexpected"])
        #expect(pipeline.isEmpty)
    }

    @Test func errorsAreRepliesLikeOthers() {
        var pipeline = Pipeline()
        #expect(append("a", 2, to: &pipeline))
        guard case .partial = pipeline.receive(.error("ERR x")),
            case .complete("a", let replies) = pipeline.receive(.null)
        else {
            Issue.record("an error was not counted as a reply")
            return
        }
        #expect(replies == [.error("ERR x"), .null])
    }

    @Test func theOldestBatchHasTheNextDeadline() {
        var pipeline = Pipeline()
        #expect(pipeline.nextDeadline == nil)
        #expect(append("a", 1, at: 5, to: &pipeline))
        #expect(append("b", 1, at: 6, to: &pipeline))
        #expect(pipeline.nextDeadline == .uptimeNanoseconds(5_000_000_000))
        _ = pipeline.receive(reply(1))
        #expect(pipeline.nextDeadline == .uptimeNanoseconds(6_000_000_000))
        _ = pipeline.receive(reply(2))
        #expect(pipeline.nextDeadline == nil)
    }

    @Test func whatGoesOverALimitIsRefusedUntilThereIsRoom() {
        var pipeline = Pipeline(limits: Pipeline.Limits(commands: 3, bytes: 100))
        #expect(append("a", 2, bytes: 60, to: &pipeline))
        #expect(!append("b", 2, bytes: 1, to: &pipeline))
        #expect(!append("c", 1, bytes: 41, to: &pipeline))
        #expect(append("d", 1, bytes: 40, to: &pipeline))
        let deliveries = (1...2).map { text(pipeline.receive(reply($0))) }
        #expect(deliveries == ["partial", "a[1,2]"])
        #expect(append("e", 2, bytes: 60, to: &pipeline))
        #expect(!append("f", 1, bytes: 0, to: &pipeline))
    }

    @Test func aSingleBatchIsNeverTooMuch() {
        var pipeline = Pipeline(limits: Pipeline.Limits(commands: 1, bytes: 1))
        #expect(append("a", 10, bytes: 1_000, to: &pipeline))
        #expect(!append("b", 1, bytes: 0, to: &pipeline))
    }

    @Test func everyoneWhoWaitsIsHandedBackOldestFirst() {
        var pipeline = Pipeline(limits: Pipeline.Limits(commands: 4, bytes: 100))
        for waiter in ["a", "b", "c"] { #expect(append(waiter, 1, bytes: 33, to: &pipeline)) }
        _ = pipeline.receive(reply(1))
        #expect(append("d", 2, to: &pipeline))
        #expect(pipeline.removeAll() == ["b", "c", "d"])
        #expect(pipeline.isEmpty)
        #expect(pipeline.nextDeadline == nil)
        #expect(text(pipeline.receive(reply(2))) == "unexpected")
        #expect(pipeline.removeAll().isEmpty)
        // Nothing that was removed is counted any more.
        #expect(append("e", 1, to: &pipeline))
        #expect(append("f", 3, bytes: 99, to: &pipeline))
    }

    /// Against a plain list of what is expected, with batches sent and answered in any order.
    @Test(arguments: UInt64(1)...20) func noReplyGoesAstray(seed: UInt64) {
        var random = SeededRandom(seed)
        var pipeline = Pipeline()
        var expected: [(waiter: String, remaining: Int)] = []
        var sent: Int64 = 0
        for step in 0..<2_000 {
            if Bool.random(using: &random) || expected.isEmpty {
                let count = Int.random(in: 1...4, using: &random)
                #expect(append("\(step)", count, to: &pipeline))
                expected.append(("\(step)", count))
            } else {
                sent += 1
                expected[0].remaining -= 1
                switch pipeline.receive(reply(sent)) {
                case .partial:
                    #expect(expected[0].remaining > 0)
                case .complete(let waiter, let replies):
                    #expect(expected[0].remaining == 0)
                    #expect(waiter == expected.removeFirst().waiter)
                    #expect(replies.last == reply(sent))
                case .unexpected:
                    Issue.record("a reply was not expected")
                }
            }
        }
        #expect(pipeline.removeAll() == expected.map(\.waiter))
    }
}

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
