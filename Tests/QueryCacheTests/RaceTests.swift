import NIOCore
import QueryCache
import TestSupport
import Testing

/// Writes that overtake reads, with each guard on and off.
@Suite(.timeLimit(.minutes(1))) struct RaceTests {
    let fixture = CacheFixture()

    /// Correctness row 36: the write commits after PostgreSQL gave the old row and before the row is stored.
    @Test(arguments: [true, false]) func aSlowReadOfTheOldRowDoesNotStayInRedis(guarded: Bool) async throws {
        let slow = fixture.cache { $0.guards.fillsUnderEarlierGenerations = guarded }
        let source = GatedSource()
        async let before = slow.ask(source)
        await source.wasAsked(times: 1)
        _ = await fixture.cache().invalidate(Invalidation(tags: [CacheFixture.products]))
        source.answer("old")
        #expect(try await before.text == "old")
        let after = try await fixture.cache().ask(ImmediateSource { "new" })
        #expect(after.text == (guarded ? "new" : "old"))
    }

    /// Correctness row 37: the same in memory.
    @Test(arguments: [true, false]) func aSlowReadOfTheOldRowDoesNotStayInMemory(guarded: Bool) async throws {
        let cache = fixture.cache(shared: false) { $0.guards.insertsOnlyIfUnseen = guarded }
        let source = GatedSource()
        async let before = cache.ask(source)
        await source.wasAsked(times: 1)
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        source.answer("old")
        #expect(try await before.text == "old")
        let after = try await cache.ask(ImmediateSource { "new" })
        #expect(after.text == (guarded ? "new" : "old"))
    }

    /// Correctness row 40: while others' writes may go unheard, nobody joins a flight that may be older than memory's answers.
    @Test(arguments: [true, false]) func nobodyJoinsAnOldFlightWhileTheChannelIsDown(isDown: Bool) async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        async let before = cache.ask(source)
        await source.wasAsked(times: 1)
        // Another proxy's write, of which nothing is heard.
        fixture.store.deliversAtOnce = false
        _ = await fixture.store.invalidate(Invalidation(tags: [CacheFixture.products]))
        if isDown { cache.distrustMemory() }
        fixture.clock.advance(by: 3001)
        async let after = cache.ask(source)
        while cache.statistics.flights + cache.statistics.joins < 2 { await Task.yield() }
        if cache.statistics.flights == 2 {
            await source.wasAsked(times: 2)
            source.answer(2, "new")
        }
        source.answer(1, "old")
        #expect(try await before.text == "old")
        #expect(try await after.text == (isDown ? "new" : "old"))
    }

    /// Correctness row 42 and 43: what comes back empty revives nothing.
    @Test func aStoreThatForgetsRevivesNothing() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        async let before = cache.ask(source)
        await source.wasAsked(times: 1)
        fixture.store.flush()
        _ = await fixture.store.invalidate(Invalidation(tags: [CacheFixture.products]))
        fixture.store.flush()
        source.answer("old")
        #expect(try await before.text == "old")
        #expect(try await fixture.cache().ask(ImmediateSource { "new" }).text == "new")
    }

    /// Correctness row 44: a pattern meets a fill under way.
    @Test func aPatternMeetsAFill() async throws {
        let cache = fixture.cache()
        let tags = TagList(CacheFixture.tags + [.user("products:org:7")])
        let source = GatedSource()
        async let before = cache.ask(source, tags: tags)
        await source.wasAsked(times: 1)
        _ = await fixture.cache().invalidate(Invalidation(tags: [], patterns: ["products:org:*"]))
        source.answer("old")
        #expect(try await before.text == "old")
        #expect(try await cache.ask(ImmediateSource { "new" }, tags: tags).text == "new")
        #expect(try await fixture.cache().ask(ImmediateSource { "newer" }, tags: tags).text == "new")
    }

    @Test(arguments: [
        Invalidation(tags: [.epoch]), Invalidation(tags: [.namespace("products")]),
        Invalidation(tags: [CacheFixture.products]), Invalidation(tags: [.user("product:42")]),
        Invalidation(tags: [], patterns: ["product:*"]),
    ])
    func everyKindOfInvalidationReachesEveryProxy(invalidation: Invalidation) async throws {
        let (one, two) = (fixture.cache(), fixture.cache())
        let tags = TagList(CacheFixture.tags + [.user("product:42")])
        _ = try await one.ask(ImmediateSource { "old" }, tags: tags)
        _ = try await two.ask(ImmediateSource { "old" }, tags: tags)
        _ = await one.invalidate(invalidation)
        #expect(try await two.ask(ImmediateSource { "new" }, tags: tags).text == "new")
        #expect(try await one.ask(ImmediateSource { "newer" }, tags: tags).text == "new")
    }

    @Test(arguments: [
        Invalidation(tags: [.table("public.users")]), Invalidation(tags: [.namespace("users")]),
        Invalidation(tags: [.user("e")]), Invalidation(tags: [], patterns: ["users:*"]),
    ])
    func whatDoesNotConcernAnEntryLeavesIt(invalidation: Invalidation) async throws {
        let cache = fixture.cache()
        let tags = TagList(CacheFixture.tags + [.user("product:42")])
        _ = try await cache.ask(ImmediateSource { "a" }, tags: tags)
        _ = await cache.invalidate(invalidation)
        #expect(try await cache.ask(ImmediateSource { "b" }, tags: tags).source == .memory)
        #expect(try await fixture.cache().ask(ImmediateSource { "b" }, tags: tags).source == .redis)
    }
}
