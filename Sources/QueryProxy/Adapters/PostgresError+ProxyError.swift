internal import PostgresClient
internal import QueryCache
internal import Sessions

extension ProxyError {
    /// PostgreSQL's refusal, or the lack of PostgreSQL, in the words of the protocol.
    init(_ error: PostgresError) {
        switch error.code {
        case .server: self.init(.sqlError, error.message)
        case .timeout: self.init(.timeout, error.message)
        case .cancelled: self.init(.timeout, "the request was given up before PostgreSQL answered")
        case .acquireTimeout: self.init(.overloaded, error.message)
        case .resultTooLarge: self.init(.responseTooLarge, error.message)
        case .invalidParameter: self.init(.badRequest, error.message)
        case .unavailable, .connectionLost: self.init(.postgresUnavailable, error.message)
        case .shuttingDown: self.init(.shuttingDown, "the server is shutting down")
        }
        sqlState = error.sqlState
        detail = error.detail
        hint = error.hint
        position = error.position
    }

    /// Any error of the path below; what nobody foresaw is a defect of ours.
    init(any error: any Error) {
        switch error {
        case let error as ProxyError: self = error
        case let error as PostgresError: self.init(error)
        case let error as ValueStoreError: self.init(error)
        case let error as SessionStoreError: self.init(error)
        case QueryCacheError.tooManyMisses(let namespace, let limit):
            self.init(.overloaded, "the namespace \(namespace) has \(limit) of \(limit) misses under way already")
        case is CancellationError: self.init(.shuttingDown, "the request was given up")
        default: self.init(.internal, "an internal error; the log says more")
        }
    }
}
