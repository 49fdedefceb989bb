extension CisternClient {
    /// Runs a statement.
    ///
    /// - Parameters:
    ///   - sql: one statement, with `$1`, `$2` … for parameters.
    ///   - parameters: their values.
    ///   - options: what goes along with it.
    /// - Throws: ``CisternError``.
    public func query(
        _ sql: String,
        _ parameters: [CisternValue] = [],
        options: QueryOptions = QueryOptions()
    ) async throws(CisternError) -> QueryResult<CisternRow> {
        let answer = try await ask("query", serverLimit: options.timeout) { line in
            line.add(CisternStatement(sql, parameters))
            line.add(options)
        }
        return try QueryResult(answer)
    }

    /// Runs a statement and reads its rows as a type: see ``CisternRow/decode(_:)``.
    ///
    /// - Throws: ``CisternError``; with ``CisternError/Code/decoding`` the statement has been run.
    public func query<Row: Decodable & Sendable>(
        _ sql: String,
        _ parameters: [CisternValue] = [],
        as type: Row.Type,
        options: QueryOptions = QueryOptions()
    ) async throws(CisternError) -> QueryResult<Row> {
        try await query(sql, parameters, options: options).decoded(as: type)
    }
}
