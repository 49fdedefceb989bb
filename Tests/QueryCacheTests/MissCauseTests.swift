import NIOCore
import QueryCache
import TestSupport
import Testing

/// What is said of why PostgreSQL had to be asked.
@Suite struct MissCauseTests {
    let fixture = CacheFixture()

    @Test func firstTimeThenExpiredThenInvalidated() async throws {
        let cache = fixture.cache()
        #expect(try await cache.ask(ImmediateSource { "a" }).cause == .unseen)
        #expect(try await cache.ask(ImmediateSource { "b" }).cause == nil)
        fixture.clock.advance(by: 12_500)
        #expect(try await cache.ask(ImmediateSource { "c" }).cause == .expired(overdue: 2500))
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        #expect(try await cache.ask(ImmediateSource { "d" }).cause == .invalidated)
    }

    @Test func redisTellsWhereMemoryHasNothing() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        let other = fixture.cache()
        #expect(try await other.ask(ImmediateSource { "b" }).cause == .invalidated)
        let withGrace = CacheFixture.policy { $0.staleIfError = 60_000 }
        _ = try await other.ask(
            ImmediateSource { "c" },
            CacheFixture.policy {
                $0.maximumAge = 0
                $0.staleIfError = 60_000
            }
        )
        fixture.clock.advance(by: 11_000)
        let third = fixture.cache()
        #expect(try await third.ask(ImmediateSource { "d" }, withGrace).cause == .expired(overdue: 1000))
    }

    @Test func aRequestThatAcceptsNoOldAnswerIsNotTheCachesFault() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        fixture.clock.advance(by: 100)
        let policy = CacheFixture.policy { $0.maximumAge = 10 }
        #expect(try await cache.ask(ImmediateSource { "b" }, policy).cause == .tooOld)
    }
}
