import Testing

@testable import QueryProxy

@Suite struct RequestCountersTests {
    private func total(_ counters: SourceCounters) -> Int {
        AnswerSource.allCases.reduce(0) { $0 + counters[$1] }
    }

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
            #expect(counters.namespaces.reduce(0) { $0 + $1.counters[source] } == expected[source])
        }
        #expect(counters.namespaces.reduce(0) { $0 + total($1.counters) } == 5000)
        #expect(counters.namespaces.count <= 1004)
        #expect(counters.namespaces.allSatisfy { $0.name.utf8.count <= 200 })
        // Whatever stands behind the colon, one reason.
        #expect(counters.reasons.map(\.name) == ["volatile_function"])
        #expect(counters.reasons.map(\.count) == [expected[.bypass]])
    }

    @Test func theHitRateIsOfWhatCouldHit() {
        let counters = SourceCounters()
        #expect(counters.hitRate == nil)
        counters.count(.bypass)
        #expect(counters.hitRate == nil)
        for source in [AnswerSource.memory, .redis, .shared, .stale] { counters.count(source) }
        #expect(counters.hitRate == 1)
        for _ in 0..<4 { counters.count(.miss) }
        #expect(counters.hitRate == 0.5)
    }

    @Test func failuresAreCountedByTheirCodes() {
        let counters = RequestCounters(namespaces: [])
        for code in [ProxyError.Code.timeout, .sqlError, .timeout] { counters.failed(code) }
        #expect(counters.failures.map(\.name) == ["sql_error", "timeout"])
        #expect(counters.failures.map(\.count) == [1, 2])
    }
}
