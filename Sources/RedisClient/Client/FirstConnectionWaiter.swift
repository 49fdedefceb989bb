/// Someone who waits for the first connection.
enum FirstConnectionWaiter: Sendable {
    case waiting(CheckedContinuation<RedisError?, Never>)
    /// Cancelled before it came to wait.
    case cancelled

    func resume(with error: RedisError?) {
        if case .waiting(let continuation) = self { continuation.resume(returning: error) }
    }
}
