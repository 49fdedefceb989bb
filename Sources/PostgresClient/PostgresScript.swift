package import NIOCore

/// A parameter as text; PostgreSQL infers its type.
package enum PostgresParameter: Sendable, Hashable {
    case null
    case text(String)
    /// A JSON array: a PostgreSQL array where the parameter's type is one, else JSON text for `json` and `jsonb`.
    case array(json: String)
    /// JSON text, for `json` and `jsonb` only.
    case object(json: String)
}

/// One statement of a script.
package struct PostgresStep: Sendable {
    package enum Output: Sendable {
        /// Encoded into ``PostgresResult/body``.
        case json
        /// Text values in ``PostgresResult/rows``.
        case rows
    }

    package var sql: String
    package var parameters: [PostgresParameter]
    /// Whether the connection keeps a prepared statement for it.
    package var isPrepared = false
    package var output: Output = .json
    /// Bytes that the encoded result is likely to take, where it is known to be large: room for them is made at once.
    package var expectedBytes = 0
    /// Tells apart prepared statements of one text that mean different things.
    package var planKey = ""

    package init(sql: String, parameters: [PostgresParameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// Statements that go to PostgreSQL in one pipeline, that is in one round trip.
package struct PostgresScript: Sendable {
    package var steps: [PostgresStep]
    /// Settings for the script alone, as by SET LOCAL.
    package var settings: [(name: String, value: String)] = []
    /// After it the running statement is cancelled.
    package var timeout: Duration?
    /// A longer encoded result is an error, and its statement is cancelled.
    package var maximumResultBytes = Int.max
    /// Between BEGIN and COMMIT; implied by settings.
    package var runsInTransaction = false
    /// Ends by ROLLBACK.
    package var rollsBack = false
    /// `read committed`, `repeatable read` or `serializable`; nil for the session's default.
    package var isolation: String?
    /// The session is reset before its next user.
    package var mayLeaveSessionState = false
    /// The script may be sent again when its connection was lost.
    package var isReadOnly = false
    /// What it takes by experience, where that is little: it may then share a connection with others of the kind.
    package var expectedDuration: Duration?

    package init(steps: [PostgresStep]) {
        self.steps = steps
    }

    var needsTransaction: Bool { runsInTransaction || rollsBack || !settings.isEmpty || isolation != nil }
}

/// What one step answered.
package struct PostgresResult: Sendable {
    /// `"columns":[…],"rows":[…],"row_count":n` for ``PostgresStep/Output/json``.
    package var body = ByteBuffer()
    /// For ``PostgresStep/Output/rows``.
    package var rows: [[String?]] = []
    /// The command's words, without its counts: `SELECT`, `INSERT`, `CREATE TABLE`.
    package var command = ""
    /// Rows answered, or rows changed where none were answered.
    package var rowCount = 0
    /// How long PostgreSQL took, once it had nothing else to do for us.
    package var duration = Duration.zero
}
