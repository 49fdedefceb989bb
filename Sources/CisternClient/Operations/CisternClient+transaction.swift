/// How a transaction sees what others do meanwhile.
public enum TransactionIsolation: String, Hashable, Sendable {
    case readCommitted = "read committed"
    case repeatableRead = "repeatable read"
    case serializable
}

/// The answer to a transaction.
public struct TransactionResult: Sendable {
    /// One for each statement.
    public let results: [QueryResult<CisternRow>]
    /// What all of them dropped.
    public let invalidated: Invalidated?
    /// The answers to the reads that were to be refreshed, in their order.
    public let refreshed: [Result<QueryResult<CisternRow>, CisternError>]
}

extension CisternClient {
    /// Runs statements in one transaction, in one round trip: all or nothing.
    ///
    /// - Parameters:
    ///   - statements: at least one.
    ///   - isolation: how it sees what others do meanwhile.
    ///   - settings: PostgreSQL settings for the whole transaction.
    ///   - timeout: for the whole transaction.
    ///   - invalidating: tags, or globs over them, to drop as well.
    ///   - refreshing: reads to run and store right after the COMMIT.
    /// - Throws: ``CisternError``; ``CisternError/statement`` is the index of the statement at fault, and nothing has been applied.
    public func transaction(
        _ statements: [CisternStatement],
        isolation: TransactionIsolation = .readCommitted,
        settings: [String: String] = [:],
        timeout: Duration? = nil,
        invalidating: [String] = [],
        refreshing: [CisternRead] = []
    ) async throws(CisternError) -> TransactionResult {
        let answer = try await ask("transaction", serverLimit: timeout) { line in
            line.add("statements", CisternValue.array(statements.map { CisternValue($0) }))
            if isolation != .readCommitted { line.add("isolation", isolation.rawValue) }
            line.add(settings: settings)
            line.add("timeout_ms", milliseconds: timeout)
            line.addWrite(invalidating: invalidating, refreshing: refreshing)
        }
        var results: [QueryResult<CisternRow>] = []
        for value in try answer.array("results") { results.append(try QueryResult(try Answer(value))) }
        return TransactionResult(
            results: results,
            invalidated: answer.optional("invalidated") == nil ? nil : try Invalidated(answer),
            refreshed: try QueryResult.refreshed(in: answer)
        )
    }
}
