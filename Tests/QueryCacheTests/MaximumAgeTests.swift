import NIOCore
import QueryCache
import TestSupport
import Testing

@Suite struct MaximumAgeTests {
    private let fixture = CacheFixture()

    /// A flight that began a while ago brings an answer of its beginning.
    @Test func aFlightThatBeganTooLongAgoIsNotJoined() async throws {
        let cache = fixture.cache(shared: false)
        let source = GatedSource()
        async let first = cache.ask(source)
        await source.wasAsked(times: 1)
        fixture.clock.advance(by: 1000)
        let patient = Task { try await cache.ask(source, CacheFixture.policy { $0.maximumAge = 1000 }) }
        while cache.statistics.joins == 0 { await Task.yield() }
        async let second = cache.ask(source, CacheFixture.policy { $0.maximumAge = 999 })
        await source.wasAsked(times: 2)
        source.answer(2, "new")
        #expect(try await second.text == "new")
        source.answer(1, "old")
        #expect(try await first.text == "old")
        #expect(try await patient.value.text == "old")
    }

    /// Correctness of the last millisecond: what may not be served stale is not, when its time is just over.
    @Test(arguments: [false, true]) func staleAnswersAreServedOnlyWhereTheyMayBe(shared: Bool) async throws {
        let cache = fixture.cache(shared: shared)
        let policy = CacheFixture.policy(ttl: 1000) {
            $0.staleIfError = 5000
            $0.usesMemory = !shared
        }
        #expect(try await cache.ask(ImmediateSource { "old" }, policy).text == "old")
        fixture.clock.advance(by: 1000)
        let answer = try await cache.ask(ImmediateSource { "new" }, policy)
        #expect(answer.source == .miss && answer.text == "new")
        fixture.clock.advance(by: 1000)
        let away = try await cache.ask(ImmediateSource { throw Outage() }, policy)
        #expect(away.source == .stale && away.text == "new")
    }
}
