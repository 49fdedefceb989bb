import NIOCore
import QueryCache
import TestSupport
import Testing

/// Flights without a task: who gets what, and who goes the other way.
@Suite("Plain flights", .timeLimit(.minutes(1))) struct PlainFlightTests {
    @Test("one asks, the others wait for it; the answer is stored in memory and in the shared store")
    func flight() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        for _ in 0..<3 { #expect(try await fixture.ask() != nil) }
        #expect(fixture.source.asked == 1 && fixture.answers.all == [])
        fixture.source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(fixture.answers.all.sorted() == ["miss rows", "shared rows", "shared rows"])
        #expect(fixture.cache.memoryAnswer(for: CacheFixture.key, policy: CacheFixture.policy())?.text == "rows")
        let other = fixture.base.cache()
        #expect(try await other.ask(ImmediateSource { "wrong" }).source == .redis)
        #expect(fixture.cache.statistics.flights == 1 && fixture.cache.statistics.joins == 2)
        #expect(fixture.cache.statistics.flightsUnderWay == 0 && fixture.source.fetches == 0)
    }

    @Test("without a shared store, and while it is away, memory takes the answer", arguments: [true, false])
    func memoryAlone(hasStore: Bool) async throws {
        let fixture = PlainFixture(shared: hasStore)
        if hasStore {
            fixture.cache.trustMemory(for: 10_000)
            fixture.store.isUsable = false
        }
        #expect(try await fixture.ask() != nil)
        fixture.source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(fixture.answers.all == ["miss rows"] && fixture.store.fills == 0)
        #expect(fixture.cache.memoryAnswer(for: CacheFixture.key, policy: CacheFixture.policy())?.text == "rows")
        // Asked for again meanwhile, it is found there.
        #expect(try await fixture.ask() != nil)
        #expect(fixture.answers.all == ["miss rows", "memory rows"] && fixture.source.asked == 1)
    }

    @Test(
        "what cannot be answered without a task is asked in the other way, for all who wait",
        arguments: [true, false]
    )
    func otherWay(takes: Bool) async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        fixture.source.takes = takes
        #expect(try await fixture.ask() != nil)
        if takes { fixture.source.end(0, .again) }
        await fixture.answers.reach(1)
        #expect(fixture.answers.all == ["miss fetched"] && fixture.source.fetches == 1)
        let other = fixture.base.cache()
        #expect(try await other.ask(ImmediateSource { "wrong" }).text == "fetched")
    }

    @Test("a write in between: the answer goes to who asked before it, and to nobody else")
    func write() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        try await fixture.ask()
        _ = await fixture.cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        // He asks after the write, so he has a flight of his own.
        try await fixture.ask()
        #expect(fixture.source.asked == 2)
        fixture.source.end(0, .body(ByteBuffer(string: "old")))
        #expect(fixture.answers.all == ["miss old"])
        #expect(fixture.cache.memoryAnswer(for: CacheFixture.key, policy: CacheFixture.policy()) == nil)
        #expect(try await fixture.base.cache().ask(ImmediateSource { "newer" }).text == "newer")
        fixture.source.end(1, .body(ByteBuffer(string: "new")))
        #expect(fixture.answers.all == ["miss old", "miss new"])
    }

    @Test("who leaves is told so, and leaves the others alone; when all have left nobody joins")
    func leaving() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        let first = try #require(try await fixture.ask())
        let second = try #require(try await fixture.ask())
        first.leave()
        #expect(fixture.answers.all == ["CancellationError"])
        try await fixture.ask()
        #expect(fixture.source.asked == 1)
        fixture.source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(fixture.answers.all.count == 3 && fixture.answers.all[1].hasSuffix(" rows"))
        // Too late.
        second.leave()
        first.leave()
        #expect(fixture.answers.all.count == 3)
        let alone = try #require(try await fixture.ask(key: CacheKey(5, 5, 5, 5)))
        alone.leave()
        try await fixture.ask(key: CacheKey(5, 5, 5, 5))
        #expect(fixture.source.asked == 3 && fixture.answers.all.last == "CancellationError")
        // The one that nobody wants any more ends without harm, whatever comes of it.
        fixture.source.end(1, .again)
        fixture.source.end(2, .body(ByteBuffer(string: "late")))
        #expect(fixture.answers.all.last == "miss late")
    }

    @Test("where all generations are known nothing need be asked before; once one may be another, something must")
    func unasked() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        let (cache, source, answers) = (fixture.cache, fixture.source, fixture.answers)
        func lookup(_ number: UInt64) -> QueryCache.Lookup {
            cache.lookup(for: CacheKey(number, 0, 0, 0), tags: CacheFixture.tags, policy: CacheFixture.policy())
        }
        func ask(_ number: UInt64) -> QueryCache.Wait? {
            cache.answerPlainly(to: lookup(number), after: nil, from: source) { answers.take($0) }
        }
        func canStoreUnasked() -> Bool { cache.canStoreUnasked(lookup(0)) }
        #expect(ask(1) == nil && !canStoreUnasked())
        try await fixture.ask()
        #expect(canStoreUnasked())
        let reads = fixture.store.reads
        #expect(ask(1) != nil && fixture.store.reads == reads)
        source.end(1, .body(ByteBuffer(string: "rows")))
        let key = CacheKey(1, 0, 0, 0)
        #expect(try await fixture.base.cache().ask(ImmediateSource { "wrong" }, key: key).text == "rows")
        // Others may want the lease.
        fixture.store.hasUseForLeases = true
        #expect(!canStoreUnasked() && ask(2) == nil)
        fixture.store.hasUseForLeases = false
        // Another proxy has written, and this one has not heard of it yet: what it stores is dead on arrival.
        fixture.store.deliversAtOnce = false
        _ = await fixture.base.cache().invalidate(Invalidation(tags: [CacheFixture.products]))
        #expect(ask(3) != nil)
        source.end(2, .body(ByteBuffer(string: "old")))
        let late = CacheKey(3, 0, 0, 0)
        #expect(try await fixture.base.cache().ask(ImmediateSource { "new" }, key: late).text == "new")
        fixture.store.deliver()
        #expect(!canStoreUnasked() && ask(4) == nil)
    }

    @Test("after a write of its own nothing need be asked before either; not where the store was not told of it")
    func unaskedAfterOwnWrite() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        let (cache, key) = (fixture.cache, CacheFixture.key)
        func lookup() -> QueryCache.Lookup {
            cache.lookup(for: key, tags: CacheFixture.tags, policy: CacheFixture.policy())
        }
        func ask() -> QueryCache.Wait? {
            cache.answerPlainly(to: lookup(), after: nil, from: fixture.source) { fixture.answers.take($0) }
        }
        let write = Invalidation(tags: [CacheFixture.products])
        try await fixture.ask()
        fixture.source.end(0, .body(ByteBuffer(string: "old")))
        #expect(cache.canStoreUnasked(lookup()) && !cache.isInvalidatedInMemory(key))
        #expect(!cache.isInvalidatedInMemory(CacheKey(9, 9, 9, 9)))
        #expect(await cache.invalidate(write))
        #expect(cache.canStoreUnasked(lookup()) && cache.isInvalidatedInMemory(key))
        let reads = fixture.store.reads
        #expect(ask() != nil && fixture.store.reads == reads)
        fixture.source.end(1, .body(ByteBuffer(string: "new")))
        #expect(try await fixture.base.cache().ask(ImmediateSource { "wrong" }).text == "new")
        // A write while PostgreSQL is asked: what comes is stored under what was before it, where nobody finds it.
        #expect(await cache.invalidate(write))
        #expect(ask() != nil)
        #expect(await cache.invalidate(write))
        fixture.source.end(2, .body(ByteBuffer(string: "older")))
        #expect(try await fixture.base.cache().ask(ImmediateSource { "newest" }).text == "newest")
        fixture.store.isUsable = false
        #expect(await cache.invalidate(write) == false)
        fixture.store.isUsable = true
        #expect(!cache.canStoreUnasked(lookup()) && ask() == nil)
    }

    @Test("too large to be stored")
    func large() async throws {
        let fixture = PlainFixture { $0.maximumEntryBytes = 3 }
        try await fixture.makeGenerations()
        try await fixture.ask()
        fixture.source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(fixture.answers.all == ["bypass(\"result_too_large\") rows"] && fixture.store.entryCount == 0)
    }

    @Test("what has to be weighed or asked first is not plain, and nothing has begun")
    func notPlain() async throws {
        let fixture = PlainFixture()
        try await fixture.makeGenerations()
        for change in [
            { $0.strict = true }, { $0.maximumAge = 5 }, { $0.staleWhileRevalidate = 5 }, { $0.staleIfError = 5 },
            { $0.refreshesEarly = true },
        ] as [(inout CachePolicy) -> Void] {
            #expect(try await fixture.ask(CacheFixture.policy(change)) == nil)
        }
        // The store holds an answer after all.
        _ = try await fixture.base.cache().ask(ImmediateSource { "there" })
        #expect(try await fixture.ask() == nil)
        var limited = CacheFixture.policy()
        limited.missLimit = 1
        limited.namespace = "n"
        #expect(try await fixture.ask(limited, key: CacheKey(6, 6, 6, 6)) != nil)
        #expect(try await fixture.ask(limited, key: CacheKey(7, 7, 7, 7)) == nil)
        #expect(fixture.source.asked == 1 && fixture.answers.all == [])
        let unguarded = PlainFixture { $0.guards.fillsUnderEarlierGenerations = false }
        try await unguarded.makeGenerations()
        #expect(try await unguarded.ask() == nil)
    }
}
