/// Why Redis did not answer, or what it answered instead of a result.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// There is no connection, or the one that was used ended. It is not known whether the commands were carried out
        /// if they had been sent.
        case unavailable
        /// No answer came within the time that a connection waits for one. The connection was closed.
        case timeout
        /// Redis answered with an error; the message is Redis's own.
        case server
        /// What came is not what the protocol allows at that place. The connection was closed.
        case protocolViolation
        /// The server is too old, or is not Redis.
        case unsupportedServer
        /// The client was stopped.
        case shuttingDown
    }

    package var code: Code
    package var message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

extension RedisError {
    static let notConnected = RedisError(code: .unavailable, message: "not connected to Redis")
    static let notReadyInTime = RedisError(
        code: .unavailable,
        message: "Redis accepted the connection and did not answer in time"
    )
    static let suspended = RedisError(
        code: .unavailable,
        message: "Redis did not answer in time and is not asked again yet"
    )
    static let overloaded = RedisError(code: .unavailable, message: "too much is waiting for Redis on this connection")
    static let closedByPeer = RedisError(code: .unavailable, message: "the connection was closed by Redis")
    static let stopped = RedisError(code: .shuttingDown, message: "the Redis client was stopped")
    static let noAnswer = RedisError(code: .timeout, message: "Redis did not answer in time")
}
