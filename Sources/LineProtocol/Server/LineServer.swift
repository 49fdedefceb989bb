package import Logging
package import NIOCore
internal import NIOPosix
internal import NIOSSL
package import Observability
internal import QueryProxy
internal import ServiceLifecycle
internal import Synchronization

/// Listens, and serves every connection until it is told to stop; then it stops accepting, lets what has begun be answered,
/// and closes.
package final class LineServer: Service {
    private let configuration: Mutex<LineServerConfiguration>
    private let handler: any RequestHandler
    private let group: any EventLoopGroup
    private let logger: Logger
    private let connections = Connections()
    private let shares = Mutex<[ObjectIdentifier: NIOLoopBound<EventLoopShare>]>([:])
    package let statistics = LineServerStatistics()
    private let state = Mutex(Phase.starting)
    private let onListening: @Sendable (SocketAddress) -> Void

    /// Where in its life a server is.
    package enum Phase: Sendable {
        case starting, listening, draining
    }

    package var phase: Phase { state.withLock { $0 } }

    /// - Parameter onListening: told the address, which holds the port that the system chose.
    package init(
        configuration: LineServerConfiguration,
        handler: any RequestHandler,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in }
    ) {
        self.configuration = Mutex(configuration)
        self.handler = handler
        self.group = eventLoopGroup
        self.logger = logger
        self.onListening = onListening
    }

    /// Takes other settings under way. Connections that are open keep their limits; the address stays.
    package func reload(_ configuration: LineServerConfiguration) {
        self.configuration.withLock { $0 = configuration }
    }

    /// - Throws: where the address cannot be listened on.
    package func run() async throws {
        let configuration = configuration.withLock { $0 }
        let channel = try await bootstrap().bind(host: configuration.host, port: configuration.port).get()
        state.withLock { $0 = .listening }
        if let address = channel.localAddress {
            logger.info("listening", metadata: ["address": "\(address.ipAddress ?? "?"):\(address.port ?? 0)"])
            onListening(address)
        }
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            channel.close(promise: nil)
        }
        await drain()
    }

    /// The answer to the op `stats`, a JSON object.
    package func statistics(of handler: any RequestHandler) async -> ByteBuffer {
        let response = await handler.response(to: .stats, on: group.any())
        var object = ByteBuffer(string: "{")
        response.writeHead(into: &object)
        if var members = response.body {
            statistics.write(into: &members, limit: configuration.withLock { $0.maximumConnections })
            object.writeImmutableBuffer(members)
        }
        object.writeStaticString("}")
        return object
    }

    package var metrics: [MetricFamily] {
        statistics.metrics(limit: configuration.withLock { $0.maximumConnections })
    }

    private func drain() async {
        state.withLock { $0 = .draining }
        let open = connections.all
        logger.info("draining", metadata: ["connections": "\(open.count)"])
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(LineServerDrain.begin) }
        let drainTimeout = configuration.withLock { $0.drainTimeout }
        let deadline = group.next().scheduleTask(in: drainTimeout) { [connections] in
            for channel in connections.all { channel.close(promise: nil) }
        }
        for channel in open { try? await channel.closeFuture.get() }
        deadline.cancel()
    }

    private func bootstrap() -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
    }

    private func accept(_ channel: any Channel) throws {
        let configuration = configuration.withLock { $0 }
        guard statistics.admit(limit: configuration.maximumConnections) else {
            logger.debug("connection refused: too many")
            let error = ProxyError(.overloaded, "too many connections (\(configuration.maximumConnections))")
            try channel.pipeline.syncOperations.addHandler(RefusalHandler(error: error))
            return
        }
        connections.add(channel)
        channel.closeFuture.whenComplete { [statistics, connections] _ in
            statistics.closed()
            connections.remove(channel)
        }
        let pipeline = channel.pipeline.syncOperations
        if let tls = configuration.tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        try pipeline.addHandler(
            LineHandler(
                handler: handler,
                configuration: configuration,
                statistics: statistics,
                loop: share(of: channel.eventLoop)
            )
        )
    }

    /// Called on the event loop.
    private func share(of eventLoop: any EventLoop) -> EventLoopShare {
        shares.withLock { shares in
            if let share = shares[ObjectIdentifier(eventLoop)] { return share.value }
            let share = EventLoopShare(eventLoop)
            shares[ObjectIdentifier(eventLoop)] = NIOLoopBound(share, eventLoop: eventLoop)
            return share
        }
    }
}

/// Says why a connection is refused, and closes it. (A client that begins with TLS cannot be told.)
private final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let error: ProxyError

    init(error: ProxyError) {
        self.error = error
    }

    func channelActive(context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: 128)
        buffer.writeReply(.failure(error), id: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in bound.value.close(promise: nil) }
    }
}

/// The open connections, to tell them that the server stops.
private final class Connections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    var all: [any Channel] { channels.withLock { Array($0.values) } }

    func add(_ channel: any Channel) {
        channels.withLock { $0[ObjectIdentifier(channel)] = channel }
    }

    func remove(_ channel: any Channel) {
        channels.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }
}
