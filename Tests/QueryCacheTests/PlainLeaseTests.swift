import NIOCore
import QueryCache
import TestSupport
import Testing

/// Flights without a task beside other proxies: missing generations are made, and the right to ask is taken and given back.
@Suite("Plain flights beside other proxies", .timeLimit(.minutes(1))) struct PlainLeaseTests {
    private struct Refused: Error {}

    private let fixture = PlainFixture()
    private var store: MemorySharedStore { fixture.store }
    private var source: DirectSource { fixture.source }
    private var answers: PlainAnswers { fixture.answers }

    init() {
        fixture.store.hasUseForLeases = true
    }

    private func memoryAnswer() -> String? {
        fixture.cache.memoryAnswer(for: CacheFixture.key, policy: CacheFixture.policy())?.text
    }

    @Test("the lease is held while PostgreSQL is asked, and others get the answer")
    func held() async throws {
        #expect(try await fixture.ask() != nil)
        #expect(source.asked == 1 && store.leaseCount == 1)
        let other = fixture.base.cache()
        async let second = other.ask(ImmediateSource { "wrong" })
        while store.waiting < 1 { await Task.yield() }
        source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(answers.all == ["miss rows"] && store.leaseCount == 0)
        let shared = try await second
        #expect(shared.source == .shared && shared.text == "rows")
        #expect(memoryAnswer() == "rows" && source.fetches == 0)
    }

    @Test("while another proxy holds the lease nobody asks PostgreSQL, and all who wait get its answer")
    func taken() async throws {
        let gated = GatedSource()
        let other = fixture.base.cache()
        async let first = other.ask(gated)
        await gated.wasAsked(times: 1)
        for _ in 0..<2 { #expect(try await fixture.ask() != nil) }
        while store.waiting < 1 { await Task.yield() }
        gated.answer("rows")
        #expect(try await first.text == "rows")
        await answers.reach(2)
        #expect(answers.all == ["shared rows", "shared rows"])
        #expect(source.asked == 0 && source.fetches == 0 && fixture.cache.statistics.flightsUnderWay == 0)
    }

    @Test("where the holder dies PostgreSQL is asked all the same")
    func holderDies() async throws {
        let gated = GatedSource()
        let other = fixture.base.cache()
        let first = Task { try await other.ask(gated) }
        await gated.wasAsked(times: 1)
        try await fixture.ask()
        while store.waiting < 1 { await Task.yield() }
        store.expireLeases()
        await answers.reach(1)
        #expect(answers.all == ["miss fetched"])
        first.cancel()
        _ = try? await first.value
    }

    @Test("a lease that is held is taken along to the other way, and not waited for", arguments: [true, false])
    func otherWay(takes: Bool) async throws {
        source.takes = takes
        try await fixture.ask()
        if takes { source.end(0, .again) }
        await answers.reach(1)
        #expect(answers.all == ["miss fetched"] && store.leaseCount == 0 && store.waiting == 0)
    }

    @Test("a lease is given back without an answer that can be stored")
    func givenBack() async throws {
        source.failure = Refused()
        try await fixture.ask()
        source.end(0, .again)
        await answers.reach(1)
        #expect(answers.all == ["Refused"] && store.leaseCount == 0 && store.fills == 0)
        let small = PlainFixture { $0.maximumEntryBytes = 3 }
        small.store.hasUseForLeases = true
        try await small.ask()
        #expect(small.store.leaseCount == 1)
        small.source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(small.answers.all == ["bypass(\"result_too_large\") rows"])
        #expect(small.store.leaseCount == 0 && small.store.entryCount == 0)
    }

    @Test("who leaves while PostgreSQL is asked leaves no lease behind")
    func leaving() async throws {
        let wait = try #require(try await fixture.ask())
        #expect(store.leaseCount == 1)
        wait.leave()
        #expect(answers.all == ["CancellationError"])
        source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(store.leaseCount == 0)
    }

    @Test("a store that goes away in between keeps nobody from the answer")
    func storeGoesAway() async throws {
        let request = fixture.cache.lookup(
            for: CacheFixture.key,
            tags: CacheFixture.tags,
            policy: CacheFixture.policy()
        )
        let read = try await store.read(CacheFixture.key, CacheFixture.tags)
        store.failsFills = true
        let wait = fixture.cache.answerPlainly(to: request, after: read, from: source) { [answers] in answers.take($0) }
        #expect(wait != nil)
        source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(answers.all == ["miss rows"] && memoryAnswer() == "rows" && store.entryCount == 0)
    }

    @Test("generations that are missing are made before PostgreSQL is asked", arguments: [true, false])
    func missingGenerations(isAlone: Bool) async throws {
        store.hasUseForLeases = !isAlone
        try await fixture.ask()
        #expect(source.asked == 1 && store.leaseCount == (isAlone ? 0 : 1))
        // A write after that makes others of them, so the answer is none.
        _ = await fixture.base.cache().invalidate(Invalidation(tags: [CacheFixture.products]))
        source.end(0, .body(ByteBuffer(string: "old")))
        #expect(answers.all == ["miss old"] && memoryAnswer() == nil)
        #expect(try await fixture.base.cache().ask(ImmediateSource { "new" }).text == "new")
    }

    @Test("without memory nothing is learnt from what was read before the last write")
    func learntTooLate() async throws {
        store.hasUseForLeases = false
        try await fixture.makeGenerations()
        let policy = CacheFixture.policy { $0.usesMemory = false }
        let request = fixture.cache.lookup(for: CacheFixture.key, tags: CacheFixture.tags, policy: policy)
        let read = try await store.read(CacheFixture.key, CacheFixture.tags)
        _ = await fixture.cache.invalidate(Invalidation(tags: [CacheFixture.products]))
        let wait = fixture.cache.answerPlainly(to: request, after: read, from: source) { [answers] in answers.take($0) }
        #expect(wait != nil)
        let next = fixture.cache.lookup(
            for: CacheKey(5, 5, 5, 5),
            tags: CacheFixture.tags,
            policy: CacheFixture.policy()
        )
        #expect(!fixture.cache.canStoreUnasked(next))
        source.end(0, .body(ByteBuffer(string: "rows")))
        #expect(answers.all == ["miss rows"])
    }

    @Test("what was made is known from then on")
    func learnt() async throws {
        store.hasUseForLeases = false
        try await fixture.ask()
        let lookup = fixture.cache.lookup(
            for: CacheKey(5, 5, 5, 5),
            tags: CacheFixture.tags,
            policy: CacheFixture.policy()
        )
        #expect(fixture.cache.canStoreUnasked(lookup))
    }
}
