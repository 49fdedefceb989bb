extension SQLAnalyzer {
    /// What the server says of a statement that reads, under these settings. One round trip.
    ///
    /// - Throws: what the source throws, PostgreSQL's refusal of the statement among it.
    package func facts(
        for shape: StatementShape,
        settings: [(name: String, value: String)],
        from source: some CatalogSource
    ) async throws -> StatementFacts {
        guard shape.isQuery else {
            // EXPLAIN and SHOW cannot be prepared, and nothing that could be learned would change the verdict.
            let reason = shape.bypass.reason ?? "write"
            return StatementFacts(tables: [], readsUnknown: true, cacheability: .bypass(reason: reason))
        }
        let question = FactsQuestion(shape)
        return question.facts(from: try await source.rows(of: question.statements, settings: settings))
    }
}
