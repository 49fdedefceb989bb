import SQLAnalysis
import Testing

@testable import QueryProxy

@Suite struct KnownStatementTests {
    private let fixture = ProxyFixture()

    private func statement(_ sql: String) async -> KnownStatement {
        KnownStatement(shape: await fixture.analyzer.shape(of: sql))
    }

    @Test func aPlanHoldsForItsPathAndItsSchema() async {
        let statement = await statement("SELECT 1")
        statement.remember(fixture.plan(), under: "a")
        #expect(statement.plan(under: "a", schemaVersion: 0) != nil)
        #expect(statement.plan(under: "b", schemaVersion: 0) == nil)
        #expect(statement.plan(under: nil, schemaVersion: 0) == nil)
        #expect(statement.plan(under: "a", schemaVersion: 1) == nil)
    }

    @Test func pathsThatCallersMakeUpAreNotHoarded() async {
        let statement = await statement("SELECT 1")
        let long = String(repeating: "x", count: 40_000)
        statement.remember(fixture.plan(), under: long)
        #expect(statement.plan(under: long, schemaVersion: 0) == nil)
    }

    @Test func whatIsAskedOnceIsNotPrepared() async {
        let plain = await statement("SELECT 1")
        #expect(!plain.shouldPrepare())
        #expect(plain.shouldPrepare())
        let parameters = await statement("SELECT $1::int")
        #expect(parameters.shouldPrepare())
        let long = await statement("SELECT $1::int, '\(String(repeating: "x", count: 40_000))'")
        #expect(!long.shouldPrepare())
        #expect(!long.shouldPrepare())
    }

    /// Redis is asked where it answers now and then; where it never does, one look-up of 64 sees whether that has changed.
    @Test func redisIsAskedWhereItAnswers() async {
        let statement = await statement("SELECT 1")
        func ask(_ count: Int, answers: (Int) -> Bool) -> Int {
            (0..<count).count { number in
                guard statement.isWorthAskingRedis else { return false }
                statement.askedRedis(hadAnswer: answers(number))
                return true
            }
        }
        #expect(ask(256) { _ in false } == 256)
        #expect(ask(6400) { _ in false } == 100)
        // It begins to answer: soon every one is asked again.
        _ = ask(320) { _ in true }
        #expect(ask(1000) { $0 % 20 == 0 } == 1000)
        // And no more: after a while it is spared.
        _ = ask(3000) { _ in false }
        #expect(ask(6400) { _ in false } == 100)
    }

    @Test func whatWasLargeIsExpectedToBeLarge() async {
        let statement = await statement("SELECT n FROM items")
        #expect(statement.expectedBytes == 0)
        statement.brought(16 << 20)
        #expect(statement.expectedBytes == 17 << 20)
        statement.brought(1000)
        #expect(statement.expectedBytes == 0)
    }

    @Test func experienceTellsWhatIsQuick() async {
        let statement = await statement("SELECT n FROM items WHERE id = $1")
        for _ in 0..<3 { statement.took(.milliseconds(1)) }
        #expect(statement.expectedDuration == nil)
        statement.took(.milliseconds(1))
        #expect(statement.expectedDuration == .milliseconds(1))
        statement.took(.milliseconds(17))
        #expect(statement.expectedDuration == .milliseconds(3))
        statement.took(.seconds(3600))
        #expect(statement.expectedDuration == nil)
        for _ in 0..<200 { statement.took(.microseconds(100)) }
        #expect(statement.expectedDuration.map { $0 < .milliseconds(1) } == true)
        // What a function does may hang on anything.
        let call = await self.statement("SELECT count(*) FROM items")
        for _ in 0..<10 { call.took(.microseconds(1)) }
        #expect(call.expectedDuration == nil)
    }

    @Test func longTextsAreRememberedInFewerNumbers() async {
        let statements = Statements(limit: 100, analyzer: fixture.analyzer)
        // 16 KiB each: a hundred would be 6 MiB with all their forms.
        for number in 0..<100 { _ = await statements.statement("SELECT \(number) -- \(padding)") }
        #expect(statements.count > 0 && statements.count < 20)
        #expect(statements.known("SELECT 99 -- \(padding)") != nil)
        let huge = "SELECT 1 -- \(String(repeating: padding, count: 20))"
        #expect(await statements.statement(huge).shape.kind == .read)
        #expect(statements.known(huge) == nil)
    }

    private let padding = String(repeating: "x", count: 16 << 10)
}

@Suite struct StatementsTests {
    private let fixture = ProxyFixture()

    /// Answers like a server on which a statement reads no table at all, and counts the questions.
    private final class Catalog: CatalogSource {
        let asked = SharedCount()

        func rows(
            of statements: [CatalogStatement],
            settings: [(name: String, value: String)]
        ) async throws -> [[[String?]]] {
            asked.add()
            return statements.map { _ in [] }
        }
    }

    @Test func theServerIsAskedOncePerTemplateAndPath() async throws {
        let statements = Statements(limit: 100, analyzer: fixture.analyzer)
        let catalog = Catalog()
        let one = await statements.statement("SELECT 1 + 1")
        let other = await statements.statement("select 2 + 3")
        _ = try await statements.facts(of: one, searchPath: nil, from: catalog)
        _ = try await statements.facts(of: other, searchPath: nil, from: catalog)
        #expect(catalog.asked.value == 1)
        _ = try await statements.facts(of: one, searchPath: "tenant", from: catalog)
        #expect(catalog.asked.value == 2)
    }

    /// Answers when it is told to.
    private final class GatedCatalog: CatalogSource {
        let asked = SharedCount()
        let gate = AsyncStream.makeStream(of: Void.self)

        func rows(
            of statements: [CatalogStatement],
            settings: [(name: String, value: String)]
        ) async throws -> [[[String?]]] {
            asked.add()
            for await _ in gate.stream { break }
            return statements.map { _ in [] }
        }
    }

    @Test func whoeverGivesUpWaitsNoLongerAndEndsNoQuestion() async throws {
        let statements = Statements(limit: 100, analyzer: fixture.analyzer)
        let catalog = GatedCatalog()
        let statement = await statements.statement("SELECT 1")
        let impatient = Task { try await statements.facts(of: statement, searchPath: nil, from: catalog) }
        while catalog.asked.value == 0 { await Task.yield() }
        impatient.cancel()
        await #expect(throws: CancellationError.self) { try await impatient.value }
        let patient = Task { try await statements.facts(of: statement, searchPath: nil, from: catalog) }
        catalog.gate.continuation.yield()
        _ = try await patient.value
        #expect(catalog.asked.value == 1)
    }

    @Test func factsEndWithTheSchema() async throws {
        let statements = Statements(limit: 100, analyzer: fixture.analyzer)
        let catalog = Catalog()
        let statement = await statements.statement("SELECT 1")
        let before = try await statements.facts(of: statement, searchPath: nil, from: catalog).schemaVersion
        statements.forgetFacts()
        #expect(statements.schemaVersion != before)
        let after = try await statements.facts(of: statement, searchPath: nil, from: catalog).schemaVersion
        #expect(after == statements.schemaVersion)
        #expect(catalog.asked.value == 2)
    }
}
