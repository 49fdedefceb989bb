import Testing

@testable import staleness_oracle

/// The oracle's rule: what a read must have seen. Times are in milliseconds here.
@Suite struct HistoryTests {
    private static let zero = History.Process(proxy: 0, life: 0)
    private static let one = History.Process(proxy: 1, life: 0)

    private func history(hasFaults: Bool = true) -> History { History(rows: 1, hasFaults: hasFaults) }

    private func judge(
        _ history: History,
        at began: Int64,
        sees version: Int?,
        on process: History.Process = HistoryTests.one,
        isStrict: Bool = false
    ) -> History.Verdict {
        history.judge(
            History.Read(
                row: 0,
                process: process,
                isStrict: isStrict,
                began: began * 1_000_000,
                version: version
            )
        )
    }

    private func isStale(_ verdict: History.Verdict) -> Bool {
        if case .stale = verdict { true } else { false }
    }

    @Test func whatWasNotAnsweredBeforeTheReadBeganNeedNotBeSeen() {
        var history = history()
        #expect(judge(history, at: 5, sees: 0) == .current)
        #expect(history.attempt(0) == 1)
        // Nobody answers this one. It may be seen, and need not.
        #expect(judge(history, at: 5, sees: 0, isStrict: true) == .current)
        #expect(judge(history, at: 5, sees: 1) == .current)
        history.answered(at: 10)
        #expect(judge(history, at: 10, sees: 0, on: Self.zero, isStrict: true) == .current)
        #expect(isStale(judge(history, at: 11, sees: 0, on: Self.zero)))
    }

    @Test func noReadSeesWhatNobodyHasWritten() {
        #expect(judge(history(), at: 5, sees: 1) == .unheardOf)
        #expect(judge(history(), at: 5, sees: nil) == .unheardOf)
    }

    @Test func aStrictReadIsNeverOlder() {
        var history = history()
        history.answered(at: 10)
        #expect(isStale(judge(history, at: 11, sees: 0, isStrict: true)))
        #expect(judge(history, at: 11, sees: 1, isStrict: true) == .current)
    }

    @Test func aBoundedReadElsewhereHasTheBound() {
        var (disturbed, quiet) = (history(), history(hasFaults: false))
        for _ in 0..<2 {
            disturbed.answered(at: 10)
            quiet.answered(at: 10)
        }
        #expect(judge(disturbed, at: 4010, sees: 0) == .late(by: 4_000_000_000))
        #expect(isStale(judge(disturbed, at: 4011, sees: 0)))
        #expect(judge(quiet, at: 1010, sees: 1) == .late(by: 1_000_000_000))
        #expect(isStale(judge(quiet, at: 1011, sees: 1)))
    }

    @Test func howLateItIsIsToldByTheFirstWriteThatIsMissing() {
        var history = history()
        for time: Int64 in [10, 20, 30] { history.answered(at: time) }
        #expect(judge(history, at: 40, sees: 1) == .late(by: 20_000_000))
    }

    @Test func aProxyOwesWhatItAnsweredUntilItDies() {
        var history = history()
        history.answered(at: 10, isComplete: false)
        #expect(isStale(judge(history, at: 11, sees: 0, on: Self.zero)))
        #expect(judge(history, at: 11, sees: 0, on: History.Process(proxy: 0, life: 1)) == .late(by: 1_000_000))
    }

    @Test func anIncompleteWriteCountsOnceRedisHasBeenLeftAlone() {
        var history = history()
        let outage = history.disturbanceBegan(.redis, at: 0)
        history.answered(at: 10, isComplete: false)
        // While Redis is away nobody can know.
        #expect(!isStale(judge(history, at: 60_000, sees: 0, isStrict: true)))
        history.disturbanceEnded(outage, at: 5_000_000_000)
        #expect(!isStale(judge(history, at: 8000, sees: 0, isStrict: true)))
        #expect(isStale(judge(history, at: 8001, sees: 0, isStrict: true)))
        // Soon after it there is another.
        let second = history.disturbanceBegan(.redis, at: 7_000_000_000)
        history.disturbanceEnded(second, at: 9_000_000_000)
        #expect(!isStale(judge(history, at: 12_000, sees: 0)))
        #expect(isStale(judge(history, at: 12_001, sees: 0)))
        // A later one forgives nothing.
        _ = history.disturbanceBegan(.redis, at: 12_000_000_000)
        #expect(isStale(judge(history, at: 12_001, sees: 0)))
    }

    @Test func theOthersNoticeTheDeathOfAProxyThatHadNotToldRedis() {
        var history = history()
        history.answered(at: 10, isComplete: false)
        history.died(Self.zero, at: 2_000_000_000)
        let absence = history.disturbanceBegan(.proxy, at: 2_000_000_000)
        history.disturbanceEnded(absence, at: 3_000_000_000)
        #expect(!isStale(judge(history, at: 10_000, sees: 0, isStrict: true)))
        #expect(isStale(judge(history, at: 10_001, sees: 0, isStrict: true)))
    }

    @Test func aProxyThatDiedAfterItToldChangesNothing() {
        var history = history()
        history.answered(at: 10, isComplete: false)
        history.died(Self.zero, at: 5_000_000_000)
        #expect(!isStale(judge(history, at: 4010, sees: 0)))
        #expect(isStale(judge(history, at: 4011, sees: 0)))
    }

    @Test func percentilesAreOfTheValuesThemselves() {
        var delays = Delays()
        #expect(delays.percentile(0.5) == nil)
        for value in (1...100).reversed() { delays.add(Int64(value)) }
        #expect([0, 0.5, 0.99, 1].map { delays.percentile($0) } == [1, 50, 99, 100])
    }
}

extension History {
    /// The next version is written through proxy 0 and answered, at a time in milliseconds.
    fileprivate mutating func answered(at time: Int64, isComplete: Bool = true) {
        answered(
            0,
            Answer(
                version: attempt(0),
                at: time * 1_000_000,
                process: Process(proxy: 0, life: 0),
                isComplete: isComplete
            )
        )
    }
}
