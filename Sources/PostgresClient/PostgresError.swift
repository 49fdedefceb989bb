/// Why a script failed.
package struct PostgresError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// PostgreSQL cannot be reached.
        case unavailable
        /// No connection came free in time.
        case acquireTimeout = "acquire_timeout"
        /// The script ran past its time and was cancelled.
        case timeout
        /// Its task was cancelled.
        case cancelled
        case resultTooLarge = "result_too_large"
        /// PostgreSQL refused a statement.
        case server
        /// The connection broke while the script ran.
        case connectionLost = "connection_lost"
        /// A parameter that cannot be sent as its type.
        case invalidParameter = "invalid_parameter"
        case shuttingDown = "shutting_down"
    }

    package var code: Code
    package var message: String
    package var sqlState: String?
    package var detail: String?
    package var hint: String?
    /// In characters from 1 into the step's text.
    package var position: Int?
    /// Which step of the script failed; nil where it was none of them.
    package var stepIndex: Int?
    /// Whether the script may have been committed all the same.
    package var outcomeUnknown = false
    /// What may still be at work on the script, and commit it later, where the outcome is unknown.
    package var backend: PostgresBackend?

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
