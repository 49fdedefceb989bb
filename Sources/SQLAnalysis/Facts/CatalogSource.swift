/// A question about PostgreSQL's catalogs. Parameters are given as text.
package struct CatalogStatement: Sendable {
    package var sql: String
    package var parameters: [String?]

    package init(sql: String, parameters: [String?] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// Puts the analysis's questions to PostgreSQL.
package protocol CatalogSource: Sendable {
    /// Runs all statements in one transaction, which is rolled back, under these settings, in one round trip.
    ///
    /// - Returns: the rows of each statement, values as text.
    func rows(
        of statements: [CatalogStatement],
        settings: [(name: String, value: String)]
    ) async throws -> [[[String?]]]
}
