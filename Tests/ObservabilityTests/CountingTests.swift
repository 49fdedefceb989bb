import NIOCore
import NIOEmbedded
import Testing

@testable import Observability

@Suite struct CountingTests {
    @Test func nothingIsLostBetweenThreads() async {
        let counters = StripedCounters(count: 5, stripes: 3)
        await withTaskGroup(of: Void.self) { group in
            for stripe in 0..<8 {
                group.addTask {
                    for number in 0..<20_000 { counters.add(1, to: number % 5, stripe: stripe) }
                }
            }
        }
        for index in 0..<5 { #expect(counters[index] == 8 * 4000) }
    }

    @Test func anyNumberIsAStripe() {
        let counters = StripedCounters(count: 1, stripes: 4)
        for stripe in [0, 3, 4, 1_000_003, -1, .max, .min] { counters.add(2, to: 0, stripe: stripe) }
        #expect(counters[0] == 14)
    }

    /// Each bound belongs to its own bucket, and what is above it to the next.
    @Test func everyTimeHasItsBucket() {
        #expect(LatencyBuckets.bounds.count + 1 == LatencyBuckets.count)
        #expect(LatencyBuckets.bounds == LatencyBuckets.bounds.sorted())
        #expect(LatencyBuckets.index(of: 0) == 0)
        for (index, bound) in LatencyBuckets.bounds.enumerated() {
            #expect(LatencyBuckets.index(of: bound) == index)
            #expect(LatencyBuckets.index(of: bound + 1) == index + 1)
        }
        #expect(LatencyBuckets.index(of: .max) == LatencyBuckets.count - 1)
    }

    @Test func aLoopThatIsStuckIsNoticed() throws {
        let loop = EmbeddedEventLoop()
        let lag = EventLoopLag(loop)
        lag.measure()
        #expect(lag.histogram.snapshot.count == 0)
        let before = lag.longestSilence
        loop.run()
        #expect(lag.histogram.snapshot.count == 1)
        #expect(lag.longestSilence < before)
    }

    @Test func theProcessIsRead() {
        let reading = ProcessReading.now
        #expect((reading.residentBytes ?? 0) > 1 << 20)
        #expect((reading.virtualBytes ?? 0) >= (reading.residentBytes ?? 0))
        #expect((reading.openFiles ?? 0) >= 3)
        #expect((reading.threads ?? 0) >= 1)
        #expect((reading.cpuSeconds ?? 0) > 0)
        #expect((reading.maximumFiles ?? 0) > 0)
    }

    /// The program's name may hold spaces and parentheses.
    @Test func aStrangeNameDoesNotShiftTheFields() {
        var reading = ProcessReading()
        let fields = (3...52).map { "\($0)" }.joined(separator: " ")
        reading.apply(stat: "1 (a) S (9 9) \(fields)", pageSize: 10)
        #expect(reading == ProcessReading(residentBytes: 240, virtualBytes: 23, threads: 20))
        reading = ProcessReading()
        reading.apply(stat: "nothing of the kind", pageSize: 10)
        #expect(reading == ProcessReading())
    }
}
