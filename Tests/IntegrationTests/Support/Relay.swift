import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Stands between one proxy and a server, so that their link can be cut while the server goes on for everybody else. (A stopped
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

    /// Where it stands before Redis.
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
                let one = client.pipeline.addHandler(Forwarding(to: server), name: Relay.forwarding)
                let other = server.pipeline.addHandler(Forwarding(to: client))
                return one.and(other).map { _ in }
            }
    }

    /// Ends all connections on the client's side alone: the server behind learns nothing of it. New ones come through.
    func abandon() async {
        let channels = state.withLock { state in
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels {
            _ = try? await channel.pipeline.removeHandler(name: Self.forwarding).get()
            await Self.end(channel)
        }
    }

    /// A program that was started meanwhile may have got the descriptor as well, so that closing it is not enough.
    private static func end(_ channel: any Channel) async {
        try? await channel.close(mode: .output).get()
        try? await channel.close().get()
    }

    private static let forwarding = "forwarding"

    /// Nothing passes any more, and nobody comes through.
    func cut() async {
        let channels = state.withLock { state in
            state.isCut = true
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { await Self.end(channel) }
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

private final class Forwarding: ChannelInboundHandler, RemovableChannelHandler, Sendable {
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
