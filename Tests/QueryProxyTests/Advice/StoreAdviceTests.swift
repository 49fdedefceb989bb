import NIOCore
import QueryCache
import SQLAnalysis
import Testing

@testable import QueryProxy

/// Advice about Redis, large answers, and what PostgreSQL does besides.
@Suite struct StoreAdviceTests {
    private static func redis(used: Int, policy: String = "allkeys-lru") -> RedisFigures {
        var sample = RedisSample()
        sample.keys = 100
        sample.allKeys = 1000
        sample.bytes = 1000
        sample.groups = [
            RedisSample.Group(name: "products", keys: 60, bytes: 700),
            RedisSample.Group(name: "stock", keys: 40, bytes: 300),
        ]
        return RedisFigures(used: used, maximum: 1000, policy: policy, sample: sample)
    }

    @Test func redisMemory() throws {
        var figures = AdviceFigures()
        figures.namespaces = [NamespaceFigures(name: "products", ttl: 300_000)]
        figures.redis = Self.redis(used: 801)
        let finding = try #require(figures.findings.first)
        #expect(finding.kind == .redisMemory)
        #expect(finding.message.contains("products 70 %, stock 30 %"))
        #expect(finding.change.text == "[ttl] products = 300 → 100")
        figures.redis?.sample = nil
        #expect(figures.findings.first?.change.text == "maxmemory 1000 → 2000")
        figures.redis = Self.redis(used: 800)
        #expect(figures.findings.isEmpty)
        figures.redis = RedisFigures(used: 1 << 40, maximum: 0, policy: "allkeys-lru")
        #expect(figures.findings.isEmpty)
    }

    @Test(arguments: ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
    func evictsSessions(policy: String) throws {
        var figures = AdviceFigures()
        figures.redis = Self.redis(used: 1, policy: policy)
        #expect(figures.findings.isEmpty)
        figures.redis?.hasSessions = true
        let finding = try #require(figures.findings.first)
        #expect(finding.kind == .evictsSessions && finding.change.place == .redisConfiguration)
        #expect(finding.change.text.contains("\(policy) → noeviction"))
        figures.redis?.policy = "noeviction"
        #expect(figures.findings.isEmpty)
    }

    @Test func largeEntries() throws {
        var query = QueryFigures(statement: "select *", namespace: "n", answers: AnswerCounts(memory: 9, miss: 1))
        query.fetching = FetchFigures(count: 1, microseconds: 1, bytes: 1 << 20, largest: 1 << 20)
        var figures = AdviceFigures()
        figures.queries = [query]
        let finding = try #require(figures.findings.first)
        #expect(finding.kind == .largeEntries && finding.message.contains("up to 1024 kB large"))
        #expect(finding.change.text == "[cache] max_entry_bytes = 4194304 → 1048576")
        figures.queries[0].fetching.largest -= 1
        #expect(figures.findings.isEmpty)
        figures.redis = Self.redis(used: 1)
        figures.redis?.sample?.largest = [RedisSample.Key(name: "report:1", group: "report", bytes: 2 << 20)]
        #expect(figures.findings.first?.message == "The key report:1 of report takes 2048 kB of Redis.")
    }

    @Test func uncachedQuery() throws {
        func finding(calls: Int = 1000, mean: Double = 1000, _ standing: OutsideQuery.Standing) -> Finding? {
            var figures = AdviceFigures()
            figures.outside = [
                OutsideQuery(
                    statement: "select $1",
                    calls: calls,
                    meanMicroseconds: mean,
                    namespace: "products",
                    standing: standing
                )
            ]
            return figures.findings.first
        }
        let unknown = try #require(finding(.unknown))
        #expect(unknown.kind == .uncachedQuery && unknown.change.place == .application)
        #expect(unknown.message.contains("1000 times, in 1000 µs"))
        #expect(finding(.bypassed(reason: "ttl_zero"))?.change.text == "[ttl] products = 0 → 300")
        #expect(finding(.bypassed(reason: "client_request")) != nil)
        #expect(finding(.bypassed(reason: "volatile_function")) == nil)
        #expect(finding(.lookedUp) == nil)
        #expect(finding(calls: 999, .unknown) == nil)
        #expect(finding(mean: 999, .unknown) == nil)
    }

    /// PostgreSQL writes `$1` where a client may have written a constant.
    @Test func aQueryOfThePostgresStatisticsIsRecognized() async {
        let analyzer = SQLAnalyzer()
        let ours = await analyzer.shape(of: "SELECT a FROM t WHERE b = 'x' AND c < 5").template
        let theirs = await analyzer.shape(of: "select a from t where b = $1 and c < $2").template
        var query = QueryFigures(statement: ours, answers: AnswerCounts(bypass: 3))
        query.reason = "client_request"
        #expect(OutsideQueries.standing(of: theirs, among: [query]) == .bypassed(reason: "client_request"))
        query.answers.miss = 1
        #expect(OutsideQueries.standing(of: theirs, among: [query]) == .lookedUp)
        #expect(OutsideQueries.standing(of: "select b from t", among: [query]) == .unknown)
    }

    @Test func whoseAKeyIs() {
        let keys = RedisKeys(prefix: "shop:")
        let key = CacheKey(1, 2, 3, 4)
        #expect(keys.kind(of: keys.entry(key)) == .entry)
        #expect(keys.kind(of: keys.generation(.epoch)) == .generation)
        #expect(keys.kind(of: keys.lease("x")) == .bookkeeping)
        #expect(keys.kind(of: "shop:cistern:s:abc") == .session && keys.kind(of: "shop:cistern:u:7") == .session)
        #expect(keys.kind(of: "shop:product:42") == .service(namespace: "product"))
        #expect(keys.kind(of: "shop:plain") == .foreign)
        #expect(keys.kind(of: "other:product:42") == .foreign)
    }

    @Test func anEntrysHeadTellsItsNamespacesGeneration() throws {
        let generations = [Generation(), Generation(), Generation()]
        let entry = StoredEntry(
            ageWhenStored: 1,
            ttl: 2,
            grace: 3,
            cost: 4,
            generations: generations,
            body: ByteBuffer(string: "body")
        )
        let head = try #require(entry.bytes.getSlice(at: 0, length: StoredEntry.headLength))
        #expect(StoredEntry.namespaceGeneration(inHead: head) == generations[1])
        let short = try #require(entry.bytes.getSlice(at: 0, length: StoredEntry.headLength - 1))
        #expect(StoredEntry.namespaceGeneration(inHead: short) == nil)
        #expect(StoredEntry.namespaceGeneration(inHead: ByteBuffer(string: String(repeating: "x", count: 200))) == nil)
    }

    @Test func samplesAddUp() {
        var one = RedisSample()
        one.keys = 2
        one.bytes = 30
        one.allKeys = 9
        one.groups = [RedisSample.Group(name: "a", keys: 2, bytes: 30)]
        one.largest = [RedisSample.Key(name: "k", group: "a", bytes: 20)]
        var two = one
        two.allKeys = 8
        two.groups = [RedisSample.Group(name: "b", keys: 2, bytes: 30)]
        two.largest = [RedisSample.Key(name: "k", group: "a", bytes: 25)]
        let sum = RedisSampler.sum([one, two])
        #expect(sum.keys == 4 && sum.bytes == 60 && sum.allKeys == 8)
        #expect(sum.groups.map(\.name) == ["a", "b"] && sum.groups.map(\.bytes) == [30, 30])
        #expect(sum.largest == [RedisSample.Key(name: "k", group: "a", bytes: 25)])
    }
}
