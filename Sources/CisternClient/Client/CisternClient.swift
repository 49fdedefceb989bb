internal import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// A client of a Cistern server, with a pool of connections.
///
/// It works while ``run()`` runs: as a service of a `ServiceGroup`, in a task group, or with ``withCisternClient(_:isolation:_:)``.
/// Requests that come earlier wait.
///
/// Requests share connections: each carries several at once, and each answer finds its request by its `id`. A task that
/// is cancelled stops waiting at once; the answer that comes later is dropped, and the server may or may not have done what
/// was asked.
public final class CisternClient: Service {
    public let configuration: CisternClientConfiguration
    private let pool: ConnectionPool

    /// - Parameters:
    ///   - configuration: where the server is, and how long to wait.
    ///   - group: the event loops that the connections live on.
    public init(
        _ configuration: CisternClientConfiguration = CisternClientConfiguration(),
        on group: MultiThreadedEventLoopGroup = .singleton
    ) {
        self.configuration = configuration
        var connector = Connector(
            host: configuration.host,
            port: configuration.port,
            connectTimeout: TimeAmount(configuration.connectTimeout),
            group: group
        )
        connector.tls = configuration.tls
        connector.serverName = configuration.serverName
        connector.credentials = configuration.user.map {
            Connector.Credentials(user: $0, password: configuration.password ?? "")
        }
        connector.maximumAnswerBytes = configuration.maximumAnswerBytes
        self.pool = ConnectionPool(
            PoolState.Settings(configuration),
            connector: connector,
            eventLoop: group.next()
        )
    }

    /// Keeps the connections until the task is cancelled, or the service shuts down gracefully; then what has been asked for
    /// is answered first. A client runs once.
    public func run() async {
        await pool.run(drainTimeout: TimeAmount(configuration.drainTimeout))
    }

    /// What the pool does at this moment.
    public struct PoolFigures: Hashable, Sendable {
        /// Open, or being opened.
        public let connections: Int
        /// Requests that were sent and have no answer yet.
        public let inFlight: Int
        /// Requests that wait for a connection.
        public let waiting: Int
    }

    public var poolFigures: PoolFigures {
        let figures = pool.figures
        return PoolFigures(connections: figures.connections, inFlight: figures.inFlight, waiting: figures.waiting)
    }

    // MARK: For the operations

    /// Sends a request and reads its answer.
    ///
    /// - Parameters:
    ///   - serverLimit: how long the server may take over it, where the caller chose.
    ///   - fields: adds the operation's fields.
    func ask(
        _ operation: String,
        serverLimit: Duration? = nil,
        _ fields: (inout RequestLine) -> Void = { _ in }
    ) async throws(CisternError) -> Answer {
        let patience = max(configuration.answerTimeout, serverLimit.map { $0 + .seconds(5) } ?? .zero)
        let now = pool.eventLoop.now
        let exchange = Exchange(
            .numbered,
            deadline: now + TimeAmount(patience),
            queueDeadline: now + TimeAmount(min(patience, configuration.acquireTimeout))
        ) { number in
            var line = RequestLine(operation, number: number)
            fields(&line)
            return line.finished()
        }
        let pool = self.pool
        let line = try await exchange.outcome(start: { pool.submit(exchange) }, forget: { pool.forget(exchange) })
        return try Answer(line)
    }
}

/// Runs a client while the body runs.
///
/// - Parameters:
///   - configuration: where the server is, and how long to wait.
///   - isolation: the body runs where the caller does.
///   - body: what to do with the client; it ends with the body.
/// - Throws: what the body throws.
public func withCisternClient<Value, Failure: Error>(
    _ configuration: CisternClientConfiguration = CisternClientConfiguration(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (CisternClient) async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let client = CisternClient(configuration)
    // Cancelled, and waited for, when the scope is left.
    async let _ = client.run()
    return try await body(client)
}

extension PoolState.Settings {
    fileprivate init(_ configuration: CisternClientConfiguration) {
        minimum = configuration.minimumConnections
        maximum = max(1, configuration.maximumConnections, configuration.minimumConnections)
        maximumInFlight = max(1, configuration.maximumInFlightPerConnection)
        maximumWaiting = configuration.maximumWaiting
        idleTimeout = TimeAmount(configuration.idleTimeout)
    }
}
