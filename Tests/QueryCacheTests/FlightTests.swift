import NIOCore
import QueryCache
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct FlightTests {
    let fixture = CacheFixture()

    /// Correctness row 38.
    @Test func twentyEqualColdReadsAskOnce() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        let answers = try await withThrowingTaskGroup(of: CacheAnswer.self) { group in
            for _ in 0..<20 { group.addTask { try await cache.ask(source) } }
            await source.wasAsked(times: 1)
            while cache.statistics.joins < 19 { await Task.yield() }
            source.answer("a")
            return try await group.reduce(into: [CacheAnswer]()) { $0.append($1) }
        }
        #expect(source.asked == 1)
        #expect(answers.filter { $0.source == .miss }.count == 1)
        #expect(answers.filter { $0.source == .shared }.count == 19)
        #expect(answers.allSatisfy { $0.text == "a" })
        #expect(cache.statistics.flightsUnderWay == 0)
    }

    @Test func aFailureReachesAllAndIsForgotten() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        let first = Task { try await cache.ask(source) }
        await source.wasAsked(times: 1)
        let second = Task { try await cache.ask(source) }
        while cache.statistics.joins < 1 { await Task.yield() }
        source.fail(1, Outage())
        await #expect(throws: Outage.self) { _ = try await first.value }
        await #expect(throws: Outage.self) { _ = try await second.value }
        #expect(try await cache.ask(ImmediateSource { "b" }).text == "b")
    }

    @Test func oneWhoGivesUpDoesNotEndItForTheRest() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        let first = Task { try await cache.ask(source) }
        await source.wasAsked(times: 1)
        let second = Task { try await cache.ask(source) }
        while cache.statistics.joins < 1 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { _ = try await first.value }
        source.answer("a")
        #expect(try await second.value.text == "a")
        #expect(source.asked == 1 && source.cancelled == 0)
    }

    @Test func whenTheLastGivesUpTheSourceIsCancelled() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        let tasks = (0..<3).map { _ in Task { try await cache.ask(source) } }
        await source.wasAsked(times: 1)
        while cache.statistics.joins < 2 { await Task.yield() }
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { _ = try await task.value } }
        while source.cancelled < 1 { await Task.yield() }
        // Whoever comes next begins anew, and does not join what has been given up.
        async let next = cache.ask(source)
        await source.wasAsked(times: 2)
        source.answer(2, "b")
        #expect(try await next.text == "b")
    }

    @Test func maximumAgeZeroNeverJoins() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        async let first = cache.ask(source)
        await source.wasAsked(times: 1)
        async let second = cache.ask(source, CacheFixture.policy { $0.maximumAge = 0 })
        await source.wasAsked(times: 2)
        source.answer(2, "new")
        #expect(try await second.text == "new")
        source.answer(1, "old")
        #expect(try await first.text == "old")
    }

    /// A read that begins after a write was answered must not get what was read before it.
    @Test(arguments: [true, false]) func nobodyJoinsAFlightFromBeforeAWrite(guarded: Bool) async throws {
        let cache = fixture.cache { $0.guards.joinsOnlyCurrentFlights = guarded }
        let source = GatedSource()
        async let before = cache.ask(source)
        await source.wasAsked(times: 1)
        _ = await cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        async let after = cache.ask(source)
        if guarded {
            await source.wasAsked(times: 2)
            source.answer(2, "new")
            #expect(try await after.text == "new")
        } else {
            while cache.statistics.joins < 1 { await Task.yield() }
        }
        source.answer(1, "old")
        #expect(try await before.text == "old")
        if !guarded { #expect(try await after.text == "old", "the switch must show the fault") }
    }

    /// Correctness row 47.
    @Test func missesInFlightAreLimitedPerNamespace() async throws {
        let cache = fixture.cache()
        let source = GatedSource()
        let policy = CacheFixture.policy {
            $0.namespace = "products"
            $0.missLimit = 2
        }
        let tasks = (0..<2).map { number in
            Task { try await cache.ask(source, policy, key: CacheKey(UInt64(number), 0, 0, 0)) }
        }
        await source.wasAsked(times: 2)
        await #expect(throws: QueryCacheError.tooManyMisses(namespace: "products", limit: 2)) {
            _ = try await cache.ask(source, policy, key: CacheKey(9, 0, 0, 0))
        }
        let elsewhere = CacheFixture.policy { $0.namespace = "stock" }
        #expect(try await cache.ask(ImmediateSource { "x" }, elsewhere, key: CacheKey(10, 0, 0, 0)).text == "x")
        source.answer(1, "a")
        source.answer(2, "a")
        for task in tasks { _ = try await task.value }
        #expect(try await cache.ask(ImmediateSource { "b" }, policy, key: CacheKey(9, 0, 0, 0)).text == "b")
    }

    // MARK: Across proxies

    @Test func twoProxiesAskOnce() async throws {
        let (one, two) = (fixture.cache(), fixture.cache())
        let source = GatedSource()
        async let first = one.ask(source)
        await source.wasAsked(times: 1)
        async let second = two.ask(source)
        while fixture.store.waiting < 1 { await Task.yield() }
        source.answer("a")
        #expect(try await first.source == .miss)
        let shared = try await second
        #expect(shared.source == .shared && shared.text == "a")
        #expect(source.asked == 1)
    }

    /// Correctness row 39.
    @Test func theHolderOfTheLeaseDies() async throws {
        let (one, two) = (fixture.cache(), fixture.cache())
        let source = GatedSource()
        let first = Task { try await one.ask(source) }
        await source.wasAsked(times: 1)
        async let second = two.ask(source)
        while fixture.store.waiting < 1 { await Task.yield() }
        fixture.store.expireLeases()
        await source.wasAsked(times: 2)
        source.answer(2, "b")
        #expect(try await second.text == "b")
        first.cancel()
        _ = try? await first.value
    }
}
