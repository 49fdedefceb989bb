import QueryCache
import SQLAnalysis
import TestSupport
import Testing

@testable import QueryProxy

@Suite struct QueryTableTests {
    private let analyzer = SQLAnalyzer()

    private func statement(_ sql: String) async -> KnownStatement {
        KnownStatement(shape: await analyzer.shape(of: sql))
    }

    private func numbered(_ number: Int) async -> KnownStatement { await statement("SELECT c\(number) FROM t") }

    private static func answered(_ source: AnswerSource, cause: MissCause? = nil, key: UInt64? = nil) -> AnsweredQuery {
        var answered = AnsweredQuery(source: source, namespace: "products")
        answered.cause = cause
        answered.ttl = 1000
        answered.key = key.map { CacheKey($0, $0, $0, $0 &* 0x9E37_79B9_7F4A_7C15) }
        return answered
    }

    @Test func textsThatDifferInConstantsAreOneQuery() async throws {
        let table = QueryTable(limit: 4)
        let one = await statement("SELECT * FROM t WHERE id = 1")
        let two = await statement("select * from t where id = 2")
        table.count(Self.answered(.miss, cause: .unseen), of: one)
        table.count(Self.answered(.redis), of: two)
        for _ in 0..<3 { table.countMemoryHit(of: one) }
        table.countFetch(of: one, microseconds: 2000, bytes: 100)
        let figures = try #require(table.figures.first)
        #expect(table.figures.count == 1)
        #expect(figures.answers == AnswerCounts(memory: 3, redis: 1, miss: 1))
        #expect(figures.answers.hitRate == 0.8)
        #expect(figures.savedMicroseconds == 8000)
        #expect(figures.namespace == "products" && figures.causes == MissCauses(unseen: 1))
        #expect(figures.statement.contains("?int"))
    }

    @Test func causesAddUpToTheMisses() async throws {
        let table = QueryTable(limit: 4)
        let one = await numbered(1)
        let causes: [MissCause] = [
            .unseen, .expired(overdue: 2000), .expired(overdue: 2002), .invalidated, .tooOld,
        ]
        for cause in causes { table.count(Self.answered(.miss, cause: cause), of: one) }
        let counts = table.figures[0].causes
        #expect(counts == MissCauses(unseen: 1, expired: 2, expiredSoon: 1, invalidated: 1, tooOld: 1))
        #expect(counts.unseen + counts.expired + counts.invalidated + counts.tooOld == table.figures[0].answers.miss)
    }

    @Test func aNewTemplateTakesThePlaceOfTheLeastCalled() async throws {
        let table = QueryTable(limit: 2)
        let (often, seldom, new) = (await numbered(1), await numbered(2), await numbered(3))
        for _ in 0..<5 { table.count(Self.answered(.miss, cause: .unseen), of: often) }
        for _ in 0..<2 { table.count(Self.answered(.miss, cause: .unseen), of: seldom) }
        table.count(Self.answered(.miss, cause: .unseen), of: new)
        let figures = QueryOrder.calls.sorted(table.figures)
        #expect(figures.map(\.answers.total) == [5, 1])
        // It may have been called twice before, as often as the one that had to go.
        #expect(figures[1].uncountedAtMost == 2)
        #expect(table.replacements == 1)
        // The other one's figures did not become its own.
        #expect(figures[1].causes.unseen == 1)
    }

    @Test func aTemplateWithoutAPlaceAsksForOneWithManyHits() async throws {
        let table = QueryTable(limit: 1)
        let (first, second) = (await numbered(1), await numbered(2))
        table.count(Self.answered(.miss, cause: .unseen), of: first)
        for _ in 0..<(QueryTable.hitsBeforePlace - 1) { table.countMemoryHit(of: second) }
        #expect(table.figures.first?.statement.contains("c1") == true)
        table.countMemoryHit(of: second)
        let figures = try #require(table.figures.first)
        #expect(figures.statement.contains("c2"))
        // None of its hits was lost meanwhile.
        #expect(figures.answers.memory == QueryTable.hitsBeforePlace && figures.uncountedAtMost == 1)
        // The one that lost its place does not go on in it.
        table.countMemoryHit(of: first)
        #expect(table.figures.first?.answers.memory == QueryTable.hitsBeforePlace)
    }

    /// The promise of space-saving: more than `calls / places` calls are never overlooked, and none is counted too often.
    @Test func frequentTemplatesHaveAPlaceWhateverTheOrder() async throws {
        var random = SeededNumbers(seed: 7)
        let table = QueryTable(limit: 20)
        var statements: [KnownStatement] = []
        for number in 0..<200 { statements.append(await numbered(number)) }
        var truth: [String: Int] = [:]
        let calls = 20_000
        for _ in 0..<calls {
            // The lower its number, the more often it is called.
            let number = min(Int.random(in: 0..<200, using: &random), Int.random(in: 0..<200, using: &random))
            let skewed = number * number / 200
            truth[statements[skewed].shape.template, default: 0] += 1
            table.count(Self.answered(.redis), of: statements[skewed])
        }
        let figures = Dictionary(uniqueKeysWithValues: table.figures.map { ($0.statement, $0) })
        #expect(figures.count == 20)
        for (statement, count) in truth where count > calls / 20 {
            let found = try #require(figures[statement], "\(statement) was called \(count) times")
            #expect(found.answers.total <= count)
            #expect(found.answers.total + found.uncountedAtMost >= count)
        }
        #expect(truth.values.contains { $0 > calls / 20 })
    }

    @Test func hitsFromManyThreadsAreAllCounted() async throws {
        let table = QueryTable(limit: 4)
        let one = await numbered(1)
        table.count(Self.answered(.miss, cause: .unseen), of: one)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<20_000 { table.countMemoryHit(of: one) } }
            }
        }
        #expect(table.figures[0].answers.memory == 80_000)
    }

    @Test(arguments: [0, 1, 10, 100, 1000, 20_000]) func distinctKeysAreEstimated(count: Int) {
        var random = SeededNumbers(seed: UInt64(count))
        let keys = DistinctKeys()
        for _ in 0..<count {
            let key = CacheKey(random.next(), random.next(), random.next(), random.next())
            // Again and again the same one: it counts once.
            for _ in 0..<3 { keys.note(key) }
        }
        #expect(abs(Double(keys.estimate - count)) <= 0.2 * Double(count))
    }

    @Test func orders() {
        var saving = QueryFigures(statement: "a", answers: AnswerCounts(memory: 10, miss: 1))
        saving.fetching = FetchFigures(count: 1, microseconds: 500, bytes: 10, largest: 10)
        var dear = QueryFigures(statement: "b", answers: AnswerCounts(miss: 2))
        dear.fetching = FetchFigures(count: 2, microseconds: 9000, bytes: 20, largest: 10)
        var large = QueryFigures(statement: "c", answers: AnswerCounts(bypass: 3))
        large.fetching = FetchFigures(count: 1, microseconds: 5, bytes: 1000, largest: 1000)
        var failing = QueryFigures(statement: "d")
        failing.errors = 1
        let all = [failing, large, dear, saving]
        func first(_ order: QueryOrder) -> String { order.sorted(all)[0].statement }
        #expect(first(.calls) == "a" && first(.timeSaved) == "a" && first(.postgresTime) == "b")
        #expect(first(.resultSize) == "c" && first(.misses) == "b" && first(.errors) == "d")
    }
}
