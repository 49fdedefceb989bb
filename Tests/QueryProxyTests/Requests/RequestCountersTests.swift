import Observability
import TestSupport
import Testing

@testable import QueryProxy

@Suite struct RequestCountersTests {
    @Test func theNamespacesAddUpToTheWhole() {
        let counters = RequestCounters(namespaces: ["products"])
        var random = SeededNumbers(seed: 1)
        var expected: [AnswerSource: Int] = [:]
        for number in 0..<5000 {
            let source = AnswerSource.allCases.randomElement(using: &random) ?? .miss
            expected[source, default: 0] += 1
            // More names than are kept, and one that is too long to be.
            let names = ["products", "default", "made-up-\(number % 2000)", String(repeating: "n", count: 5000)]
            let reason = source == .bypass ? "volatile_function:f\(number)" : nil
            counters.answered(source, reason: reason, namespace: names.randomElement(using: &random) ?? "")
        }
        for source in AnswerSource.allCases {
            #expect(counters.overall[source] == expected[source])
            #expect(counters.namespaces.reduce(0) { $0 + $1.counts[source] } == expected[source])
        }
        #expect(counters.namespaces.reduce(0) { $0 + $1.counts.total } == 5000)
        #expect(counters.namespaces.count <= 1004)
        // What a scrape gets has few names, and adds up as well.
        #expect(counters.boundedNamespaces.map(\.name) == ["default", "products", "other"])
        #expect(counters.boundedNamespaces.reduce(0) { $0 + $1.counts.total } == 5000)
        #expect(counters.namespaces.allSatisfy { $0.name.utf8.count <= 200 })
        // Whatever stands behind the colon, one reason.
        #expect(counters.reasons.map(\.name) == ["volatile_function"])
        #expect(counters.reasons.map(\.count) == [expected[.bypass]])
    }

    @Test func theHitRateIsOfWhatCouldHit() {
        var counts = SourceCounts()
        #expect(counts.hitRate == nil)
        counts[.bypass] = 1
        #expect(counts.hitRate == nil)
        for source in [AnswerSource.memory, .redis, .shared, .stale] { counts[source] = 1 }
        #expect(counts.hitRate == 1)
        counts[.miss] = 4
        #expect(counts.hitRate == 0.5)
    }

    @Test func everyAnswerIsInItsSourcesHistogram() {
        let counters = RequestCounters(namespaces: ["products"])
        for number in 1...100 {
            counters.answered(
                .memory,
                reason: nil,
                namespace: number % 2 == 0 ? "products" : "made-up",
                spared: 2000,
                taken: UInt64(number) * 1000
            )
        }
        let latency = counters.latency(of: .memory)
        #expect(latency.count == 100)
        #expect(latency.sum == 5_050_000)
        // To 5 µs, to 10, to 25, to 50, to 100.
        #expect(latency.buckets.prefix(5) == [5, 5, 15, 25, 50])
        #expect(counters.overall.spared == 200_000)
        #expect(counters.latency(of: .miss).count == 0)
    }

    @Test func reasonsOverTheBoundStillAddUp() {
        let counters = RequestCounters(namespaces: [])
        for number in 0..<500 { counters.answered(.bypass, reason: "reason\(number)", namespace: "default") }
        #expect(counters.reasons.reduce(0) { $0 + $1.count } == counters.overall[.bypass])
        #expect(counters.reasons.count <= 201)
    }

    @Test func failuresAreCountedByTheirCodes() {
        let counters = RequestCounters(namespaces: [])
        for code in [ProxyError.Code.timeout, .sqlError, .timeout] { counters.failed(code) }
        #expect(counters.failures.map(\.name) == ["sql_error", "timeout"])
        #expect(counters.failures.map(\.count) == [1, 2])
    }
}
