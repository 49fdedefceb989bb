import Synchronization
import Testing

@testable import Observability

@Suite(.timeLimit(.minutes(1))) struct HealthProbeTests {
    /// A part that answers when it is told to, and a clock that goes when it is told to.
    private final class Part: Sendable {
        let asked = Atomic<Int>(0)
        let isOpen = Atomic<Bool>(false)
        let time = Mutex(ContinuousClock.now)

        func advance(by duration: Duration) { time.withLock { $0 += duration } }

        func answer() async -> HealthReport {
            let number = asked.add(1, ordering: .relaxed).newValue
            while !isOpen.load(ordering: .relaxed), !Task.isCancelled { await Task.yield() }
            return HealthReport(.healthy, figures: [("number", .integer(number))])
        }

        func probe(limit: Duration = .seconds(60)) -> HealthProbe {
            HealthProbe(
                limit: limit,
                silence: { "it is silent" },
                now: { [self] in time.withLock { $0 } },
                ask: { [self] in await answer() }
            )
        }
    }

    @Test func aStormIsOneQuestion() async {
        let part = Part()
        let probe = part.probe()
        let reports = await withTaskGroup(of: HealthReport.self) { group in
            for _ in 0..<500 { group.addTask { await probe.report() } }
            while part.asked.load(ordering: .relaxed) == 0 { await Task.yield() }
            part.isOpen.store(true, ordering: .relaxed)
            var reports: [HealthReport] = []
            for await report in group { reports.append(report) }
            return reports
        }
        #expect(part.asked.load(ordering: .relaxed) == 1)
        #expect(reports.allSatisfy { $0 == HealthReport(.healthy, figures: [("number", .integer(1))]) })
    }

    @Test func anAnswerCountsForASecond() async {
        let part = Part()
        part.isOpen.store(true, ordering: .relaxed)
        let probe = part.probe()
        _ = await probe.report()
        part.advance(by: .milliseconds(999))
        #expect(await probe.report().figures.first?.value == .integer(1))
        part.advance(by: .milliseconds(1))
        #expect(await probe.report().figures.first?.value == .integer(2))
    }

    @Test func silenceIsAnAnswerToo() async {
        let part = Part()
        let probe = part.probe(limit: .milliseconds(20))
        #expect(await probe.report() == HealthReport(.unhealthy, error: "it is silent"))
    }

    @Test func whoeverGivesUpLeavesTheOthersAlone() async {
        let part = Part()
        let probe = part.probe()
        let first = Task { await probe.report() }
        while part.asked.load(ordering: .relaxed) == 0 { await Task.yield() }
        async let second = probe.report()
        first.cancel()
        part.isOpen.store(true, ordering: .relaxed)
        #expect(await second.status == .healthy)
        #expect(part.asked.load(ordering: .relaxed) == 1)
    }
}
