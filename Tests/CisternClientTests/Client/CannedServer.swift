import NIOCore
import NIOPosix
import Synchronization

@testable import CisternClient

/// A server on a loopback port that answers as a test says; `hello` it answers by itself.
final class CannedServer: Sendable {
    struct Request: Sendable {
        /// As it was written.
        let id: String
        let operation: String
        let value: CisternValue
        let line: String
        let peer: Peer

        func answer(_ members: String = "") {
            peer.send("{\"id\":\(id),\"ok\":true\(members.isEmpty ? "" : ",")\(members)}\n")
        }
    }

    struct Peer: Sendable {
        let channel: any Channel

        func send(_ text: String) {
            channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        }

        func hangUp() {
            channel.close(promise: nil)
        }
    }

    struct Behaviour: Sendable {
        var maximumInFlight = 128
        var maximumRequestBytes = 1 << 20
        var requiresAuthentication = false
        /// What it says to whoever connects, before it hangs up.
        var farewell: String?
    }

    let port: Int
    private let channel: any Channel
    private let accepted: Counter

    var connectionsAccepted: Int { accepted.count }

    private init(channel: any Channel, accepted: Counter) {
        self.channel = channel
        self.accepted = accepted
        self.port = channel.localAddress?.port ?? 0
    }

    /// - Parameter respond: called on the connection's event loop, for all but `hello`.
    static func with(
        _ behaviour: Behaviour = Behaviour(),
        port: Int = 0,
        respond: @escaping @Sendable (Request) -> Void,
        _ body: (CannedServer) async throws -> Void
    ) async throws {
        let accepted = Counter()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                accepted.add()
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(ResponseLineDecoder(maximumLength: 1 << 24)))
                    try pipeline.addHandler(CannedHandler(behaviour, respond))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = CannedServer(channel: channel, accepted: accepted)
        do {
            try await body(server)
        } catch {
            try? await channel.close().get()
            throw error
        }
        try await channel.close().get()
    }

    var configuration: CisternClientConfiguration {
        CisternClientConfiguration(port: port)
    }

    func withClient(
        _ change: (inout CisternClientConfiguration) -> Void = { _ in },
        _ body: (CisternClient) async throws -> Void
    ) async throws {
        var configuration = configuration
        change(&configuration)
        try await withCisternClient(configuration, body)
    }
}

private final class CannedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let behaviour: CannedServer.Behaviour
    private let respond: @Sendable (CannedServer.Request) -> Void

    init(_ behaviour: CannedServer.Behaviour, _ respond: @escaping @Sendable (CannedServer.Request) -> Void) {
        self.behaviour = behaviour
        self.respond = respond
    }

    func channelActive(context: ChannelHandlerContext) {
        guard let farewell = behaviour.farewell else { return }
        context.channel.writeAndFlush(ByteBuffer(string: farewell + "\n"), promise: nil)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let line = String(buffer: unwrapInboundIn(data))
        guard let value = try? CisternValue(json: line), let operation = value["op"]?.string, let id = value["id"]
        else {
            return context.close(promise: nil)
        }
        let peer = CannedServer.Peer(channel: context.channel)
        let request = CannedServer.Request(
            id: id.jsonText,
            operation: operation,
            value: value,
            line: line,
            peer: peer
        )
        if operation == "hello" {
            request.answer(
                """
                "server":"cistern","version":"0","protocol":1,"auth_required":\(behaviour.requiresAuthentication),\
                "limits":{"max_request_bytes":\(behaviour.maximumRequestBytes),\
                "max_in_flight":\(behaviour.maximumInFlight)}
                """
            )
        } else {
            respond(request)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }

    func add(_ number: Int = 1) {
        value.withLock { $0 += number }
    }
}

/// Requests that a server keeps until the test has seen them.
final class Held: Sendable {
    private struct State {
        var requests: [CannedServer.Request] = []
        var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    func keep(_ request: CannedServer.Request) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.requests.append(request)
            guard let waiter = state.waiter, state.requests.count >= waiter.count else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Waits for so many and takes them out.
    func take(_ count: Int) async -> [CannedServer.Request] {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiter = (count, continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
        return state.withLock { state in
            defer { state.requests.removeFirst(count) }
            return Array(state.requests.prefix(count))
        }
    }
}
