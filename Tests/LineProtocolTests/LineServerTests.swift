import LineProtocol
import Logging
import NIOCore
import NIOPosix
import QueryCache
import QueryProxy
import ServiceLifecycle
import Synchronization
import Testing

/// Answers `SELECT n` at once with n as its body; `wait NAME` when that name is released.
private final class FakeHandler: CachelessHandler {
    private struct State {
        var released: Set<String> = []
        var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
        var cancelled: [String] = []
        var begun = 0
    }

    private let state = Mutex(State())

    var cancelled: [String] { state.withLock { $0.cancelled } }
    var begun: Int { state.withLock { $0.begun } }

    func release(_ name: String) {
        let continuations = state.withLock { state in
            state.released.insert(name)
            return state.waiting.removeValue(forKey: name) ?? []
        }
        for continuation in continuations { continuation.resume() }
    }

    func begin(_ request: ProxyRequest) -> Beginning {
        immediateResponse(to: request).map { .answer($0, again: nil) } ?? .other
    }

    private func immediateResponse(to request: ProxyRequest) -> Response? {
        guard case .query(let query) = request, !query.sql.hasPrefix("wait") else { return nil }
        if query.sql == "large" {
            return .members(ByteBuffer(string: "\"ok\":true,\"x\":\"" + String(repeating: "y", count: 1 << 20) + "\""))
        }
        return .members(ByteBuffer(string: "\"ok\":true,\"n\":\"\(query.sql)\""))
    }

    func response(to request: ProxyRequest, on eventLoop: any EventLoop) async -> Response {
        guard case .query(let query) = request else { return .members(ByteBuffer(string: "\"ok\":true")) }
        let name = String(query.sql.dropFirst(5))
        state.withLock { $0.begun += 1 }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReleased = state.withLock { state in
                    if state.released.contains(name) { return true }
                    state.waiting[name, default: []].append(continuation)
                    return false
                }
                if isReleased { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.cancelled.append(name) }
            release(name)
        }
        return .members(ByteBuffer(string: "\"ok\":true,\"n\":\"\(query.sql)\""))
    }
}

/// A client that reads lines.
private struct Client {
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    static func with<T: Sendable>(
        _ address: SocketAddress,
        _ body: (inout Lines, NIOAsyncChannelOutboundWriter<ByteBuffer>, any Channel) async throws -> T
    ) async throws -> T {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var lines = Lines(iterator: inbound.makeAsyncIterator())
            return try await body(&lines, outbound, channel.channel)
        }
    }

    struct Lines {
        var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var buffer = ByteBuffer()
        var decoder = LineDecoder(maximumLength: .max - 1)

        mutating func next() async throws -> String? {
            while true {
                if case .text(let line) = decoder.decode(buffer: &buffer) { return String(buffer: line) }
                guard var more = try await iterator.next() else { return nil }
                buffer.writeBuffer(&more)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct LineServerTests {
    /// Runs a server on a free port while the body runs, then stops it gracefully.
    private func withServer(
        _ handler: FakeHandler,
        configure: (inout LineServerConfiguration) -> Void = { _ in },
        _ body:
            @escaping @Sendable (SocketAddress, LineServer, @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        var configuration = LineServerConfiguration(host: "127.0.0.1", port: 0)
        configure(&configuration)
        let (addresses, continuation) = AsyncStream<SocketAddress>.makeStream()
        let server = LineServer(
            configuration: configuration,
            handler: handler,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { continuation.yield($0) }
        let group = ServiceGroup(
            configuration: .init(
                services: [server],
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = addresses.makeAsyncIterator()
            let address = try #require(await iterator.next())
            try await body(address, server) { await group.triggerGracefulShutdown() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func answersLines() async throws {
        try await withServer(FakeHandler()) { address, _, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(
                    ByteBuffer(
                        string: "PING\r\n\n{\"id\":1,\"op\":\"ping\"}\nSELECT 1\n{\"id\":\"a\",\"sql\":\"b\"}\n{x\n"
                    )
                )
                #expect(try await lines.next() == "{\"ok\":true,\"pong\":true}")
                #expect(try await lines.next() == "{\"id\":1,\"ok\":true,\"pong\":true}")
                #expect(try await lines.next() == "{\"ok\":true,\"n\":\"SELECT 1\"}")
                #expect(try await lines.next() == "{\"id\":\"a\",\"ok\":true,\"n\":\"b\"}")
                #expect(try await lines.next()?.contains("bad_request") == true)
                try await out.write(ByteBuffer(string: "{\"op\":\"hello\"}\nQUIT\n"))
                #expect(try await lines.next()?.contains("\"protocol\":1") == true)
                #expect(try await lines.next() == "{\"ok\":true,\"bye\":true}")
                #expect(try await lines.next() == nil)
            }
        }
    }

    @Test func aSlowAnswerHoldsUpOnlyRequestsWithoutAnIdentifier() async throws {
        let handler = FakeHandler()
        try await withServer(handler) { address, _, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: "wait a\nfast\n{\"id\":1,\"sql\":\"quick\"}\n"))
                #expect(try await lines.next() == "{\"id\":1,\"ok\":true,\"n\":\"quick\"}")
                handler.release("a")
                #expect(try await lines.next() == "{\"ok\":true,\"n\":\"wait a\"}")
                #expect(try await lines.next() == "{\"ok\":true,\"n\":\"fast\"}")
            }
        }
    }

    @Test func noMoreRequestsRunAtOnceThanMay() async throws {
        let handler = FakeHandler()
        try await withServer(handler, configure: { $0.maximumInFlight = 4 }) { address, _, _ in
            try await Client.with(address) { lines, out, _ in
                let requests = (0..<20).map { "{\"id\":\($0),\"sql\":\"wait \($0)\"}\n" }.joined()
                try await out.write(ByteBuffer(string: requests))
                for round in 0..<20 {
                    handler.release("\(round)")
                    #expect(try await lines.next() == "{\"id\":\(round),\"ok\":true,\"n\":\"wait \(round)\"}")
                    #expect(handler.begun <= round + 5)
                }
            }
        }
    }

    @Test func aClientThatShutDownItsSideIsAnswered() async throws {
        let handler = FakeHandler()
        try await withServer(handler) { address, _, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: "wait a\nlast without end"))
                out.finish()
                handler.release("a")
                let first = try await lines.next()
                #expect(first?.hasSuffix("{\"ok\":true,\"n\":\"wait a\"}") == true)
                #expect(try await lines.next() == "{\"ok\":true,\"n\":\"last without end\"}")
                #expect(try await lines.next() == nil)
            }
        }
    }

    @Test func whatRunsForAClientThatWentAwayIsCancelled() async throws {
        let handler = FakeHandler()
        try await withServer(handler) { address, server, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: "{\"id\":1,\"sql\":\"wait a\"}\nPING\n"))
                #expect(try await lines.next() == "{\"ok\":true,\"pong\":true}")
            }
            while server.statistics.open > 0 { await Task.yield() }
            #expect(handler.cancelled == ["a"])
        }
    }

    @Test func aClientThatDoesNotReadIsNotReadEither() async throws {
        let handler = FakeHandler()
        try await withServer(handler) { address, server, _ in
            try await Client.with(address) { lines, out, channel in
                try await channel.setOption(.autoRead, value: false).get()
                try await out.write(ByteBuffer(string: String(repeating: "large\n", count: 60)))
                try await out.write(ByteBuffer(string: "PING\n"))
                // 60 MiB of answers are asked for; the sockets' buffers take a few of them.
                for _ in 0..<10_000 { await Task.yield() }
                #expect(server.statistics.requests < 50)
                try await channel.setOption(.autoRead, value: true).get()
                for _ in 0..<60 { #expect(try await lines.next()?.utf8.count ?? 0 > 1 << 20) }
                #expect(try await lines.next() == "{\"ok\":true,\"pong\":true}")
            }
        }
    }

    @Test func connectionsOverTheLimitAreToldSo() async throws {
        try await withServer(FakeHandler(), configure: { $0.maximumConnections = 1 }) { address, server, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: "PING\n"))
                _ = try await lines.next()
                try await Client.with(address) { refused, _, _ in
                    let told = try await refused.next()
                    #expect(told?.contains("\"code\":\"overloaded\"") == true)
                    let more = try await refused.next()
                    #expect(more == nil)
                }
                #expect(server.statistics.rejected == 1)
            }
        }
    }

    @Test func aStoppingServerAnswersWhatHasBegun() async throws {
        let handler = FakeHandler()
        try await withServer(handler) { address, server, stop in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: "wait a\n{\"id\":1,\"op\":\"ping\"}\n"))
                _ = try await lines.next()
                await stop()
                handler.release("a")
                #expect(try await lines.next() == "{\"ok\":true,\"n\":\"wait a\"}")
                #expect(try await lines.next() == nil)
            }
        }
    }

    @Test func aLineTooLongIsAnsweredAndTheNextIsServed() async throws {
        try await withServer(FakeHandler(), configure: { $0.maximumRequestBytes = 100 }) { address, _, _ in
            try await Client.with(address) { lines, out, _ in
                try await out.write(ByteBuffer(string: String(repeating: "x", count: 5000) + "\nPING\n"))
                #expect(try await lines.next()?.contains("request_too_large") == true)
                #expect(try await lines.next() == "{\"ok\":true,\"pong\":true}")
            }
        }
    }
}
