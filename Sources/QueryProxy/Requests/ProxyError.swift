internal import JSONText
package import NIOCore

/// Why a request failed, in the words and codes of the line protocol.
///
/// The message is for the client: it never holds another client's data, and of a defect of ours only that there was one.
package struct ProxyError: Error, Sendable, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        case badRequest = "bad_request"
        case requestTooLarge = "request_too_large"
        case responseTooLarge = "response_too_large"
        case unauthorized
        case forbidden
        case sqlError = "sql_error"
        case timeout
        case overloaded
        case postgresUnavailable = "postgres_unavailable"
        case cacheUnavailable = "cache_unavailable"
        case conflict
        case shuttingDown = "shutting_down"
        case `internal`
    }

    package var code: Code
    package var message: String
    /// Five characters, when PostgreSQL refused the statement.
    package var sqlState: String?
    package var detail: String?
    package var hint: String?
    /// In characters from 1 into the statement.
    package var position: Int?
    /// The index of the statement of a transaction.
    package var statement: Int?

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Writes `"ok":false,"error":{…}`.
    package func writeMembers(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"ok\":false,\"error\":{\"code\":\"")
        buffer.writeString(code.rawValue)
        buffer.writeStaticString("\",\"message\":")
        buffer.writeJSONString(message)
        for (name, text) in [("sqlstate", sqlState), ("detail", detail), ("hint", hint)] {
            guard let text else { continue }
            buffer.writeString(",\"\(name)\":")
            buffer.writeJSONString(text)
        }
        for (name, number) in [("position", position), ("statement", statement)] {
            guard let number else { continue }
            buffer.writeString(",\"\(name)\":\(number)")
        }
        buffer.writeStaticString("}")
    }
}
