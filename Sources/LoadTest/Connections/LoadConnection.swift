/// Where an answer came from, as far as the server says.
package enum AnswerKind: Int, Sendable, CaseIterable {
    case memory, redis, miss, shared, stale, bypass
    /// Of a server that does not say: Redis, PostgreSQL.
    case plain
    case error
    /// Due, and not there at the end.
    case unanswered

    package var name: String {
        switch self {
        case .memory: "memory"
        case .redis: "redis"
        case .miss: "miss"
        case .shared: "shared"
        case .stale: "stale"
        case .bypass: "bypass"
        case .plain: "answers"
        case .error: "errors"
        case .unanswered: "unanswered"
        }
    }
}

/// A connection under load. Used by one thread; what it holds is given back by ``close()``.
///
/// A struct behind a pointer rather than an object, and a generic parameter rather than an existential: the loop that drives
/// hundreds of thousands of requests a second counts no references and allocates nothing.
protocol LoadConnection {
    /// Whether it can leave receiving and sending to a ``SocketRing``.
    static var canUseRing: Bool { get }
    var descriptor: Int32 { get }
    /// What could not be sent yet waits for room.
    var isSending: Bool { get }

    /// Prepares the request for ``flush(_:token:)``. `request` is the template's number in the list that the connection was
    /// made with.
    mutating func begin(_ request: Int, key: Int, _ random: inout RandomNumbers) throws(LoadTestError)
    /// Sends what was prepared, as far as there is room, or leaves it to the ring, if there is one.
    mutating func flush(_ ring: SocketRing?, token: Int) throws(LoadTestError)
    /// Takes what came with the event, or reads what is there, and puts what kind of answers came, in the order of the
    /// requests, into `answers`, which has room for `limit`.
    mutating func receive(
        _ event: SocketEvent,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int
    /// What the server said of the first request that failed.
    var firstError: String? { get }
    func close()
}
