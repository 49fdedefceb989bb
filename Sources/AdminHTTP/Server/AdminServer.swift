internal import Hummingbird
internal import HummingbirdCore
package import Logging
package import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// Metrics, health and administration over HTTP, on a port and a thread of its own: what is asked here takes no event loop
/// from the clients.
package struct AdminServer: Service {
    private static let idleTimeout: TimeAmount = .seconds(120)
    /// Scrapers, probes, and people with a dashboard open.
    private static let maximumConnections = 256

    private let host: String
    private let port: Int
    private let routes: AdminRoutes
    private let logger: Logger
    private let onListening: @Sendable (SocketAddress) -> Void

    /// - Parameters:
    ///   - port: zero lets the system choose.
    ///   - onListening: told the address, which holds the port that the system chose.
    package init(
        host: String,
        port: Int,
        routes: AdminRoutes,
        logger: Logger,
        onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.routes = routes
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until it is told to stop, then ends what is under way.
    ///
    /// - Throws: ``AdminServerError`` where the address cannot be listened on.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // Hummingbird tells each start and every broken connection.
        var inner = logger
        inner.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: AdminResponder(routes: routes),
            server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: "cistern",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.maximumConnections)
            ),
            onServerRunning: { channel in
                guard let address = channel.localAddress else { return }
                logger.info(
                    "serving metrics and health over HTTP",
                    metadata: ["address": "\(address.ipAddress ?? "?"):\(address.port ?? 0)"]
                )
                onListening(address)
            },
            eventLoopGroupProvider: .shared(group),
            logger: inner
        )
        do {
            try await application.run()
        } catch let error as IOError {
            try? await group.shutdownGracefully()
            throw AdminServerError(host: host, port: port, error)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }
}

/// Why the HTTP server cannot listen, and what can be done.
package struct AdminServerError: Error, CustomStringConvertible {
    package let description: String

    init(host: String, port: Int, _ error: IOError) {
        let why = error.errnoCode == EADDRINUSE ? "it is in use" : "\(error)"
        description =
            "cannot listen for HTTP on \(host):\(port): \(why); give [listen] http another address, or \"\" for none"
    }
}
