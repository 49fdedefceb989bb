internal import PostgresClient
internal import SQLAnalysis

/// Puts the analysis's questions to PostgreSQL, in a transaction that is rolled back.
struct PostgresCatalogSource: CatalogSource {
    let pool: PostgresPool
    /// Milliseconds.
    let timeout: Int64

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
        script.timeout = .milliseconds(timeout)
        script.runsInTransaction = true
        script.rollsBack = true
        script.isReadOnly = true
        return try await pool.run(script).map(\.rows)
    }
}
