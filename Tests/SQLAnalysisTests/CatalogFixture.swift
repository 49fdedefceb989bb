import Foundation
import Logging
import PostgresClient
import SQLAnalysis
import Testing

/// Puts the questions to the server that the tests were started with.
struct PoolCatalogSource: CatalogSource {
    let pool: PostgresPool

    func rows(
        of statements: [CatalogStatement],
        settings: [(name: String, value: String)]
    ) async throws -> [[[String?]]] {
        var script = PostgresScript(
            steps: statements.map { statement in
                var step = PostgresStep(
                    sql: statement.sql,
                    parameters: statement.parameters.map { $0.map { .text($0) } ?? .null }
                )
                step.output = .rows
                return step
            }
        )
        script.settings = settings
        script.rollsBack = true
        return try await pool.run(script).map(\.rows)
    }
}

/// A schema that exists for the length of one test, first in the search path of what is asked.
struct CatalogFixture: Sendable {
    static let url = ProcessInfo.processInfo.environment["CISTERN_TEST_POSTGRES"]

    let pool: PostgresPool
    let schema: String
    private let analyzer = SQLAnalyzer()

    /// - Parameter setup: statements run in the schema.
    static func with(
        _ setup: [String] = [],
        _ body: @escaping @Sendable (CatalogFixture) async throws -> Void
    ) async throws {
        var configuration = PostgresConfiguration(url: try #require(url))
        configuration.maximumConnections = 2
        configuration.acquireTimeout = .seconds(60)
        let pool = PostgresPool(
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { group.cancelAll() }
            let fixture = CatalogFixture(
                pool: pool,
                schema: "facts_\(String(UInt64.random(in: .min ... .max), radix: 16))"
            )
            try await fixture.run(["CREATE SCHEMA \(fixture.schema)"])
            do {
                try await fixture.run(setup)
                try await body(fixture)
            } catch {
                try? await fixture.run(["DROP SCHEMA \(fixture.schema) CASCADE"])
                throw error
            }
            try await fixture.run(["DROP SCHEMA \(fixture.schema) CASCADE"])
        }
    }

    func run(_ statements: [String]) async throws {
        var script = PostgresScript(steps: statements.map { PostgresStep(sql: $0) })
        script.settings = [("search_path", "\(schema), public")]
        _ = try await pool.run(script)
    }

    func facts(_ sql: String, path: String? = nil) async throws -> StatementFacts {
        try await analyzer.facts(
            for: await analyzer.shape(of: sql),
            settings: [("search_path", path ?? "\(schema), public")],
            from: PoolCatalogSource(pool: pool)
        )
    }

    /// Nil for what may be cached.
    func reason(_ sql: String) async throws -> String? {
        try await facts(sql).cacheability.reason
    }

    /// What the statement reads, without the fixture's schema.
    func tables(_ sql: String) async throws -> [String] {
        try await facts(sql).tables.map { $0.hasPrefix(schema + ".") ? String($0.dropFirst(schema.count + 1)) : $0 }
    }
}
