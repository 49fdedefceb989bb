/// Why a request brought no answer, or an answer that cannot be used.
///
/// ``code`` is the protocol's where the server refused, and one of the client's own (see ``Code``) where the request never
/// got an answer. Statements and parameters are not part of the texts.
public struct CisternError: Error, Hashable, Sendable {
    /// A word that programs can compare. The server's codes and the client's own share one list.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        // MARK: Said by the server

        /// A field is unknown or of the wrong type, or the statement needs a session of its own.
        public static let badRequest = Code(rawValue: "bad_request")
        /// The request is longer than the server takes; where that is known before, it is not sent.
        public static let requestTooLarge = Code(rawValue: "request_too_large")
        public static let responseTooLarge = Code(rawValue: "response_too_large")
        /// The server asks for a user and a password, or these are wrong.
        public static let unauthorized = Code(rawValue: "unauthorized")
        public static let forbidden = Code(rawValue: "forbidden")
        /// PostgreSQL refused the statement; ``CisternError/sqlState`` tells why.
        public static let sqlError = Code(rawValue: "sql_error")
        /// The statement ran past its time and was cancelled in PostgreSQL.
        public static let timeout = Code(rawValue: "timeout")
        /// The server, or this client's own queue, has no room for the request.
        public static let overloaded = Code(rawValue: "overloaded")
        public static let postgresUnavailable = Code(rawValue: "postgres_unavailable")
        public static let cacheUnavailable = Code(rawValue: "cache_unavailable")
        /// A compare-and-set lost.
        public static let conflict = Code(rawValue: "conflict")
        public static let shuttingDown = Code(rawValue: "shutting_down")
        /// A defect of the server's.
        public static let serverDefect = Code(rawValue: "internal")

        // MARK: Said by the client

        /// No connection could be made within the time that the request was willing to wait.
        public static let unreachable = Code(rawValue: "unreachable")
        /// No connection came free within the time that the request was willing to wait.
        public static let noConnection = Code(rawValue: "no_connection")
        /// The connection ended before the answer came.
        public static let connectionLost = Code(rawValue: "connection_lost")
        /// The answer did not come in time.
        public static let noAnswer = Code(rawValue: "no_answer")
        /// The task that waited was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The client has been shut down.
        public static let clientClosed = Code(rawValue: "client_closed")
        /// What came back is not what the protocol says.
        public static let badAnswer = Code(rawValue: "bad_answer")
        /// A value could not be written as JSON.
        public static let encoding = Code(rawValue: "encoding")
        /// A value does not fit the type that was asked for.
        public static let decoding = Code(rawValue: "decoding")
    }

    public var code: Code
    public var message: String
    /// PostgreSQL's five characters, where PostgreSQL said something.
    public var sqlState: String?
    public var detail: String?
    public var hint: String?
    /// Where in the statement, in characters, from 1.
    public var position: Int?
    /// The index of the transaction's statement at fault, from 0.
    public var statement: Int?

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the server may have done what was asked although no answer came.
    public var mayHaveBeenDone: Bool {
        [.connectionLost, .noAnswer, .cancelled, .badAnswer].contains(code)
    }
}

extension CisternError: CustomStringConvertible {
    public var description: String {
        var text = "\(code): \(message)"
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let position { text += " at character \(position)" }
        if let statement { text += ", in statement \(statement)" }
        for (name, value) in [("detail", detail), ("hint", hint)] {
            if let value { text += "; \(name): \(value)" }
        }
        return text
    }
}

extension CisternError {
    static let closed = CisternError(.clientClosed, "the client has been shut down")
    static let cancellation = CisternError(.cancelled, "the task was cancelled")

    /// The answer lacks what the protocol says it has.
    static func bad(_ what: String) -> CisternError {
        CisternError(.badAnswer, "the server's answer \(what)")
    }
}
