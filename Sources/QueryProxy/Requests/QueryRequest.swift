/// One statement to run, as a front end read it. It knows nothing yet of what the statement is.
package struct QueryRequest: Sendable, Equatable {
    package enum Consistency: String, Sendable {
        /// This process's memory is trusted while the invalidation channel lives.
        case bounded
        /// The entry's generations are compared in Redis.
        case strict
    }

    /// Exactly one statement, with `$1…` placeholders.
    package var sql: String
    package var parameters: [QueryParameter] = []
    package var namespace: String?
    /// The caller's own names for the entry.
    package var tags: [String] = []
    /// Seconds, over the namespace's; zero stores nothing.
    package var ttl: Double?
    /// Milliseconds; zero always asks PostgreSQL.
    package var maximumAge: Int?
    package var consistency: Consistency = .bounded
    /// False neither reads nor stores.
    package var usesCache = true
    /// Milliseconds.
    package var timeout: Int?
    /// PostgreSQL settings that the statement runs under, in the order of their names.
    package var settings: [QuerySetting] = []
    /// Tags or glob patterns that a write drops besides what it changed.
    package var invalidate: [String] = []
    /// Reads to run and store after a write's COMMIT.
    package var refresh: [QueryRequest] = []

    package init(sql: String) {
        self.sql = sql
    }
}

/// A PostgreSQL setting for one statement, as by `SET LOCAL`.
package struct QuerySetting: Sendable, Equatable, Hashable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A statement's parameter as the request wrote it.
package enum QueryParameter: Sendable, Equatable, Hashable {
    case null
    /// A string's text, a number's digits as they were written, `true` or `false`.
    case text(String)
    /// A JSON array as it was written: a PostgreSQL array or JSON text, as the parameter's type asks.
    case array(json: String)
    /// A JSON object as it was written, for `json` and `jsonb` only.
    case object(json: String)
}

/// Several statements in one transaction: all or nothing.
package struct TransactionRequest: Sendable, Equatable {
    package enum Isolation: String, Sendable {
        case readCommitted = "read committed"
        case repeatableRead = "repeatable read"
        case serializable
    }

    package struct Statement: Sendable, Equatable {
        package var sql: String
        package var parameters: [QueryParameter]

        package init(sql: String, parameters: [QueryParameter] = []) {
            self.sql = sql
            self.parameters = parameters
        }
    }

    package var statements: [Statement]
    package var isolation: Isolation = .readCommitted
    package var settings: [QuerySetting] = []
    /// Milliseconds.
    package var timeout: Int?
    package var invalidate: [String] = []
    package var refresh: [QueryRequest] = []

    package init(statements: [Statement]) {
        self.statements = statements
    }
}

/// What a front end asks of the proxy.
package enum ProxyRequest: Sendable, Equatable {
    case query(QueryRequest)
    case explain(QueryRequest)
    case transaction(TransactionRequest)
    case invalidate(InvalidateRequest)
    case value(ValueRequest)
    case session(SessionRequest)
    case stats
}
