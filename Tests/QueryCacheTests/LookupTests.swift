import NIOCore
import QueryCache
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LookupTests {
    let fixture = CacheFixture()

    @Test func missThenMemoryThenRedisElsewhere() async throws {
        let cache = fixture.cache()
        #expect(try await cache.ask(ImmediateSource { "a" }).source == .miss)
        fixture.clock.advance(by: 5)
        let hit = try await cache.ask(ImmediateSource { "b" })
        #expect(hit.source == .memory && hit.text == "a" && hit.age == 5 && hit.remaining == 9995)
        let other = fixture.cache()
        let shared = try await other.ask(ImmediateSource { "b" })
        #expect(shared.source == .redis && shared.text == "a" && shared.age == 5 && shared.remaining == 9995)
        #expect(try await other.ask(ImmediateSource { "b" }).source == .memory)
    }

    @Test func anEntryEndsWithItsTTL() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        fixture.clock.advance(by: 9999)
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "a")
        fixture.clock.advance(by: 1)
        let later = try await cache.ask(ImmediateSource { "b" })
        #expect(later.text == "b" && later.source == .miss)
    }

    /// Correctness row 50.
    @Test func aLoweredTTLShortensWhatExists() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" }, CacheFixture.policy(ttl: 60_000))
        fixture.clock.advance(by: 6000)
        #expect(try await cache.ask(ImmediateSource { "b" }, CacheFixture.policy(ttl: 5000)).text == "b")
        let fromRedis = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "c" }, CacheFixture.policy(ttl: 60_000) { $0.maximumAge = 0 })
        fixture.clock.advance(by: 6000)
        #expect(try await fromRedis.ask(ImmediateSource { "d" }, CacheFixture.policy(ttl: 5000)).text == "d")
    }

    /// Correctness row 46.
    @Test func whatIsFilledTogetherDoesNotExpireTogether() async throws {
        let cache = fixture.cache { $0.jitter = 0.1 }
        var remaining: Set<Int64> = []
        for number in 0..<100 {
            let key = CacheKey(UInt64(number), 0, 0, 0)
            let answer = try await cache.ask(ImmediateSource { "a" }, key: key)
            #expect((9000...10_000).contains(answer.remaining))
            remaining.insert(answer.remaining)
        }
        #expect(remaining.count > 50)
    }

    @Test func maximumAge() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        fixture.clock.advance(by: 100)
        #expect(try await cache.ask(ImmediateSource { "b" }, CacheFixture.policy { $0.maximumAge = 100 }).text == "a")
        let younger = try await cache.ask(ImmediateSource { "b" }, CacheFixture.policy { $0.maximumAge = 99 })
        #expect(younger.text == "b" && younger.source == .miss)
        let asked = try await cache.ask(ImmediateSource { "c" }, CacheFixture.policy { $0.maximumAge = 0 })
        #expect(asked.text == "c" && asked.source == .miss)
        #expect(try await cache.ask(ImmediateSource { "d" }).text == "c")
    }

    @Test func strictAsksTheStore() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        let strict = CacheFixture.policy { $0.strict = true }
        #expect(try await cache.ask(ImmediateSource { "b" }, strict).source == .redis)
        // Another proxy's write of which the message is still on its way.
        fixture.store.deliversAtOnce = false
        _ = await fixture.store.invalidate(Invalidation(tags: [CacheFixture.products]))
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "a")
        #expect(try await cache.ask(ImmediateSource { "b" }, strict).text == "b")
    }

    /// Correctness row 45.
    @Test func anEmptyResultIsAResult() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "" })
        #expect(try await cache.ask(ImmediateSource { "row" }).source == .memory)
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        #expect(try await cache.ask(ImmediateSource { "row" }).text == "row")
    }

    @Test func aResultOverTheLimitIsNotStored() async throws {
        let cache = fixture.cache { $0.maximumEntryBytes = 3 }
        for _ in 0..<2 {
            let answer = try await cache.ask(ImmediateSource { "four" })
            #expect(answer.source == .bypass("result_too_large") && answer.text == "four")
        }
        #expect(fixture.store.entryCount == 0)
    }

    @Test func memoryCanBeLeftOut() async throws {
        let cache = fixture.cache()
        let policy = CacheFixture.policy { $0.usesMemory = false }
        _ = try await cache.ask(ImmediateSource { "a" }, policy)
        #expect(try await cache.ask(ImmediateSource { "b" }, policy).source == .redis)
    }

    @Test func withoutAStoreMemoryIsTheOnlyOne() async throws {
        let cache = fixture.cache(shared: false)
        _ = try await cache.ask(ImmediateSource { "a" })
        #expect(
            try await cache.ask(ImmediateSource { "b" }, CacheFixture.policy { $0.strict = true }).source == .memory
        )
        #expect(await cache.invalidate(Invalidation(tags: [CacheFixture.products])))
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "b")
    }

    @Test func aFailureIsNotRemembered() async throws {
        let cache = fixture.cache()
        await #expect(throws: Outage.self) { _ = try await cache.ask(ImmediateSource { throw Outage() }) }
        #expect(try await cache.ask(ImmediateSource { "a" }).source == .miss)
    }

    @Test func theStoreIsAway() async throws {
        let cache = fixture.cache()
        fixture.store.isUsable = false
        #expect(try await cache.ask(ImmediateSource { "a" }).source == .miss)
        #expect(try await cache.ask(ImmediateSource { "b" }).source == .memory)
        #expect(await cache.invalidate(Invalidation(tags: [CacheFixture.products])) == false)
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "b")
        #expect(fixture.store.reads == 0)
    }

    // MARK: Past the TTL

    @Test func staleWhileRevalidate() async throws {
        let cache = fixture.cache()
        let policy = CacheFixture.policy { $0.staleWhileRevalidate = 5000 }
        _ = try await cache.ask(ImmediateSource { "a" }, policy)
        fixture.clock.advance(by: 12_000)
        let source = GatedSource()
        for _ in 0..<3 {
            let stale = try await cache.ask(source, policy)
            #expect(stale.source == .stale && stale.text == "a" && stale.age == 12_000 && stale.remaining == 0)
        }
        await source.wasAsked(times: 1)
        source.answer("b")
        while try await cache.ask(source, policy).source == .stale { await Task.yield() }
        #expect(try await cache.ask(source, policy).text == "b")
        #expect(source.asked == 1)
        fixture.clock.advance(by: 15_001)
        #expect(try await cache.ask(ImmediateSource { "c" }, policy).text == "c")
    }

    /// The refresh ends while another request, which saw the old answer too, still waits for Redis.
    @Test func whoComesLateToARefreshAsksNothingAgain() async throws {
        let cache = fixture.cache()
        let policy = CacheFixture.policy { $0.staleWhileRevalidate = 5000 }
        _ = try await cache.ask(ImmediateSource { "a" }, policy)
        fixture.clock.advance(by: 12_000)
        let asked = Atomic(0)
        let source = ImmediateSource {
            asked.add(1, ordering: .relaxed)
            return "b"
        }
        fixture.store.delayNextRead {
            while (try? await cache.ask(source, policy).source) != .memory { await Task.yield() }
        }
        #expect(try await cache.ask(source, policy).source == .stale)
        while cache.statistics.flightsUnderWay > 0 { await Task.yield() }
        #expect(asked.load(ordering: .relaxed) == 1)
    }

    @Test func staleIfErrorOnlyAfterAnOutage() async throws {
        struct Refused: Error {}
        let cache = fixture.cache()
        let policy = CacheFixture.policy { $0.staleIfError = 5000 }
        _ = try await cache.ask(ImmediateSource { "a" }, policy)
        fixture.clock.advance(by: 12_000)
        let stale = try await cache.ask(ImmediateSource { throw Outage() }, policy)
        #expect(stale.source == .stale && stale.text == "a")
        let elsewhere = try await fixture.cache().ask(ImmediateSource { throw Outage() }, policy)
        #expect(elsewhere.source == .stale && elsewhere.age == 12_000)
        await #expect(throws: Refused.self) { _ = try await cache.ask(ImmediateSource { throw Refused() }, policy) }
        fixture.clock.advance(by: 3001)
        await #expect(throws: Outage.self) { _ = try await cache.ask(ImmediateSource { throw Outage() }, policy) }
    }

    @Test func whatWasInvalidatedIsNotServedStaleEither() async throws {
        let cache = fixture.cache()
        let policy = CacheFixture.policy {
            $0.staleIfError = 50_000
            $0.staleWhileRevalidate = 50_000
        }
        _ = try await cache.ask(ImmediateSource { "a" }, policy)
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        fixture.clock.advance(by: 12_000)
        await #expect(throws: Outage.self) { _ = try await cache.ask(ImmediateSource { throw Outage() }, policy) }
    }

    // MARK: The channel

    @Test func withoutTheChannelMemoryServesOnlyTheYoung() async throws {
        let cache = fixture.cache()
        _ = try await cache.ask(ImmediateSource { "a" })
        fixture.store.isUsable = false
        cache.distrustMemory()
        fixture.clock.advance(by: 3000)
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "a")
        fixture.clock.advance(by: 1)
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "b")
    }

    /// Correctness row 40: subscribe, then clear, then trust.
    @Test func whatWasReadWhileTheChannelWasDownIsDropped() async throws {
        let cache = fixture.cache()
        cache.distrustMemory()
        let source = GatedSource()
        async let slow = cache.ask(source)
        await source.wasAsked(times: 1)
        cache.dropMemory()
        cache.trustMemory(for: 3000)
        source.answer("a")
        #expect(try await slow.text == "a")
        #expect(try await cache.ask(ImmediateSource { "b" }).source == .redis)
        cache.distrustMemory()
        cache.dropMemory()
        #expect(cache.memoryAnswer(for: CacheFixture.key, policy: CacheFixture.policy())?.text == nil)
    }
}
