import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Stands between one proxy and Redis, so that their link can be cut while Redis goes on for everybody else. (A stopped
/// Redis still obeys what it finds in its socket when it goes on; what a cut link held is lost.) It can lead to another
/// server from some moment on, as an address does after a fail-over.
final class Relay: Sendable {
    private struct State {
        var listener: (any Channel)?
        var channels: [any Channel] = []
        var isCut = false
        var target: Int
    }

    let port: Int
    private let state: Mutex<State>

    var url: String { "redis://127.0.0.1:\(port)/0" }

    private init(port: Int, target: Int) {
        self.port = port
        self.state = Mutex(State(target: target))
    }

    static func start(to target: Int) async throws -> Relay {
        let relay = Relay(port: try await freePort(), target: target)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { relay.accept($0) }
            .bind(host: "127.0.0.1", port: relay.port).get()
        relay.state.withLock { $0.listener = listener }
        return relay
    }

    private func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        let target: Int? = state.withLock { state in
            if !state.isCut { state.channels.append(client) }
            return state.isCut ? nil : state.target
        }
        guard let target else { return client.close() }
        return ClientBootstrap(group: client.eventLoop)
            .connect(host: "127.0.0.1", port: target)
            .flatMap { server in
                let one = client.pipeline.addHandler(Forwarding(to: server))
                let other = server.pipeline.addHandler(Forwarding(to: client))
                return one.and(other).map { _ in }
            }
    }

    /// Nothing passes any more, and nobody comes through.
    func cut() async {
        let channels = state.withLock { state in
            state.isCut = true
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { try? await channel.close().get() }
    }

    /// Ends all connections, and leads new ones to another server.
    func redirect(to target: Int) async {
        await cut()
        state.withLock { state in
            state.target = target
            state.isCut = false
        }
    }

    func restore() {
        state.withLock { $0.isCut = false }
    }

    func stop() async {
        await cut()
        try? await state.withLock { $0.listener }?.close().get()
    }
}

private final class Forwarding: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
