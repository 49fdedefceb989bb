/// By what queries are sorted, the most first.
package enum QueryOrder: String, Sendable, CaseIterable {
    case calls
    /// What the answers from the cache would have taken PostgreSQL.
    case timeSaved = "time_saved"
    /// What PostgreSQL took for all of its answers.
    case postgresTime = "postgres_time"
    case resultSize = "result_size"
    case misses
    case errors

    /// Of equals, the one whose text comes first.
    package func sorted(_ queries: [QueryFigures]) -> [QueryFigures] {
        queries.sorted { left, right in
            let (one, other) = (weight(left), weight(right))
            return one == other ? left.statement < right.statement : one > other
        }
    }

    private func weight(_ query: QueryFigures) -> Double {
        switch self {
        case .calls: Double(query.answers.total)
        case .timeSaved: query.savedMicroseconds ?? 0
        case .postgresTime: Double(query.fetching.microseconds)
        case .resultSize: query.fetching.meanBytes ?? 0
        case .misses: Double(query.answers.miss)
        case .errors: Double(query.errors)
        }
    }
}
