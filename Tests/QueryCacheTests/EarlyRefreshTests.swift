import QueryCache
import TestSupport
import Testing

@testable import QueryCache

@Suite(.timeLimit(.minutes(1))) struct EarlyRefreshTests {
    @Test func theNearerTheEndAndTheDearerTheLikelier() {
        func share(_ remaining: Int64, _ cost: Int64) -> Int {
            (0..<1000).filter { EarlyRefresh.isDue(remaining: remaining, cost: cost * 1000, random: Double($0) / 1000) }
                .count
        }
        // exp(-remaining / cost): the chance that -cost · ln(random) reaches the end.
        #expect(share(0, 100) == 1000)
        #expect(abs(share(100, 100) - 368) <= 1)
        #expect(abs(share(300, 100) - 50) <= 1)
        #expect(share(2000, 100) == 0)
        #expect(share(100, 200) > share(100, 100) && share(50, 100) > share(100, 100))
    }

    @Test func aHotAnswerIsRefreshedBeforeItExpires() async throws {
        let fixture = CacheFixture()
        let cache = fixture.cache()
        let policy = CacheFixture.policy { $0.refreshesEarly = true }
        let source = GatedSource()
        async let first = cache.ask(source, policy)
        await source.wasAsked(times: 1)
        fixture.clock.advance(by: 1000)
        source.answer("a")
        #expect(try await first.text == "a")
        fixture.clock.advance(by: 8500)
        // Half a second is left and the query takes one: it will be due within a few requests. Each is answered at once.
        while source.asked < 2 {
            #expect(try await cache.ask(source, policy).text == "a")
            await Task.yield()
        }
        await source.wasAsked(times: 2)
        #expect(try await cache.ask(source, policy).text == "a")
        source.answer(2, "b")
        while try await cache.ask(source, policy).text == "a" { await Task.yield() }
        #expect(source.asked == 2)
        // What was refreshed is in the store too, under generations that hold.
        #expect(try await fixture.cache().ask(ImmediateSource { "c" }, policy).text == "b")
    }
}
