import NIOCore
import NIOPosix
import QueryProxy
import Synchronization
import Testing

@testable import LineProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Answers every statement at once with itself, `wait …` from a task; calls `onBegin` with it before.
private final class EchoHandler: CachelessHandler {
    private let onBegin: @Sendable (String) -> Void

    init(onBegin: @escaping @Sendable (String) -> Void) {
        self.onBegin = onBegin
    }

    private static func answer(_ request: ProxyRequest) -> Response {
        guard case .query(let query) = request else { return .members(ByteBuffer()) }
        return .members(ByteBuffer(string: "\"sql\":\"\(query.sql)\""))
    }

    func begin(_ request: ProxyRequest) -> Beginning {
        guard case .query(let query) = request else { return .other }
        onBegin(query.sql)
        return query.sql.hasPrefix("wait") ? .other : .answer(Self.answer(request), again: nil)
    }

    func response(to request: ProxyRequest, on eventLoop: any EventLoop) async -> Response { Self.answer(request) }

}

/// Connections that end in this process: what they send is there at once.
///
/// What clients send in the midst of a turn is begun in the same turn of the event loop if it is read ahead, and after the
/// event loop's other work if it is not.
@Suite(.timeLimit(.minutes(1))) struct ReadAheadTests {
    /// The clients' ends.
    private struct Clients: Sendable {
        let sockets: [Int32]

        func write(_ text: String, to client: Int) {
            let bytes = Array(text.utf8)
            #expect(send(sockets[client], bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
        }

        /// The lines that come until there are so many, or the end.
        func lines(_ client: Int, count: Int) -> [String] {
            var text: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while text.count(where: { $0 == UInt8(ascii: "\n") }) < count {
                let received = recv(sockets[client], &chunk, chunk.count, 0)
                if received <= 0 { break }
                text += chunk[..<received]
            }
            return text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        }

        /// Whether nothing more comes.
        func hasEnded(_ client: Int) -> Bool {
            var byte: UInt8 = 0
            return recv(sockets[client], &byte, 1, 0) == 0
        }
    }

    private final class Log: Sendable {
        private let state = Mutex<[String]>([])
        func note(_ word: String) { state.withLock { $0.append(word) } }
        var words: [String] { state.withLock { $0 } }
    }

    /// Has so many clients each send a line in one turn; `second` says what each sends when that line is begun.
    ///
    /// The body begins when the event loop has come to its other work, which is noted as "tick".
    ///
    /// - Parameters:
    ///   - longestTurns: so long by default that no slow machine ends them.
    ///   - onBegin: told every statement that is begun, and what has been noted so far.
    private func withClients(
        _ count: Int,
        second: [String],
        longestTurns: TimeAmount = .hours(1),
        onBegin: @escaping @Sendable (String, Clients, Log) -> Void = { _, _, _ in },
        _ body: @Sendable (Clients, Log) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var pairs: [[Int32]] = []
        for _ in 0..<count {
            var pair: [Int32] = [0, 0]
            #if os(Linux)
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            #else
            try #require(socketpair(AF_UNIX, SOCK_STREAM, 0, &pair) == 0)
            #endif
            // What never comes fails a test, and does not hold it up.
            var patience = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            pairs.append(pair)
        }
        let clients = Clients(sockets: pairs.map { $0[1] })
        let log = Log()
        let ticked = loop.makePromise(of: Void.self)
        let handler = EchoHandler { sql in
            log.note(String(sql.prefix { $0 != " " }))
            onBegin(sql, clients, log)
            guard sql.hasPrefix("first ") else { return }
            let client = Int(sql.dropFirst(6)) ?? 0
            if client == 0 {
                loop.execute {
                    log.note("tick")
                    ticked.succeed()
                }
            }
            if !second[client].isEmpty { clients.write(second[client], to: client) }
        }
        let configuration = LineServerConfiguration(host: "", port: 0)
        let share = try await loop.submit {
            NIOLoopBound(EventLoopShare(loop, longestTurns: longestTurns), eventLoop: loop)
        }.get()
        for pair in pairs {
            _ = try await ClientBootstrap(group: loop)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            LineHandler(
                                handler: handler,
                                configuration: configuration,
                                statistics: LineServerStatistics(),
                                loop: share.value
                            )
                        )
                    }
                }
                .withConnectedSocket(pair[0]).get()
        }
        // From the event loop's own thread, so that it finds all of them when it looks next.
        try await loop.submit { for client in 0..<count { clients.write("first \(client)\n", to: client) } }.get()
        try await ticked.futureResult.get()
        try await body(clients, log)
        for socket in clients.sockets { close(socket) }
        try await group.shutdownGracefully()
    }

    @Test func whatIsAskedDuringATurnIsAnsweredInIt() async throws {
        try await withClients(6, second: Array(repeating: "second\n", count: 6)) { clients, log in
            for client in 0..<6 {
                #expect(clients.lines(client, count: 2) == ["{\"sql\":\"first \(client)\"}", "{\"sql\":\"second\"}"])
            }
            #expect(log.words == Array(repeating: "first", count: 6) + Array(repeating: "second", count: 6) + ["tick"])
        }
    }

    @Test func fewAreLeftToTheEventLoop() async throws {
        try await withClients(3, second: Array(repeating: "second\n", count: 3)) { clients, log in
            for client in 0..<3 { #expect(clients.lines(client, count: 2).count == 2) }
            #expect(log.words.firstIndex(of: "tick") == 3)
        }
    }

    @Test func whileAnAnswerIsWaitedForTheEventLoopReads() async throws {
        let second = (0..<6).map { "wait \($0)\n" }
        let onBegin: @Sendable (String, Clients, Log) -> Void = { sql, clients, _ in
            guard sql.hasPrefix("wait "), let client = Int(sql.dropFirst(5)) else { return }
            clients.write("{\"id\":3,\"sql\":\"third\"}\n", to: client)
        }
        try await withClients(6, second: second, onBegin: onBegin) { clients, log in
            for client in 0..<6 { #expect(clients.lines(client, count: 3).count == 3) }
            // What has to wait was read ahead; what comes after it was not.
            #expect(log.words.firstIndex(of: "tick") == 12)
            #expect(log.words.firstIndex(of: "third") ?? 0 > 12)
        }
    }

    @Test func turnsDoNotFollowEachOtherForEver() async throws {
        let most = 20_000
        let onBegin: @Sendable (String, Clients, Log) -> Void = { sql, clients, log in
            guard sql.hasPrefix("again "), let client = Int(sql.dropFirst(6)), !log.words.contains("tick"),
                log.words.count < most
            else { return }
            _ = clients.lines(client, count: 1)
            clients.write("\(sql)\n", to: client)
        }
        let second = (0..<6).map { "again \($0)\n" }
        try await withClients(6, second: second, longestTurns: .milliseconds(1), onBegin: onBegin) { _, log in
            #expect(log.words.count < most)
        }
    }

    @Test func linesMayComeInPieces() async throws {
        let long = "long " + String(repeating: "x", count: 20_000)
        let second = [
            "second\n{\"id\":7,\"sql\":\"thi", "\(long)\n", "a\nb\r\n\nc\n", "second\n", "second\n", "second\n",
        ]
        try await withClients(6, second: second) { clients, _ in
            #expect(clients.lines(1, count: 2).last == "{\"sql\":\"\(long)\"}")
            #expect(clients.lines(2, count: 4).suffix(3) == ["{\"sql\":\"a\"}", "{\"sql\":\"b\"}", "{\"sql\":\"c\"}"])
            #expect(clients.lines(0, count: 2).last == "{\"sql\":\"second\"}")
            clients.write("rd\"}\nlast", to: 0)
            shutdown(clients.sockets[0], Int32(SHUT_WR))
            #expect(clients.lines(0, count: 2) == ["{\"id\":7,\"sql\":\"third\"}", "{\"sql\":\"last\"}"])
            #expect(clients.hasEnded(0))
        }
    }

    /// A connection that the channel has read several times in a turn must not be read several times ahead.
    @Test func muchOfOneConnectionComesWhole() async throws {
        try await withClients(6, second: Array(repeating: "second\n", count: 6)) { clients, _ in
            for client in 0..<6 { #expect(clients.lines(client, count: 2).count == 2) }
            let lines = (0..<4000).map { "line \($0) " + String(repeating: "x", count: $0 % 50) }
            let expected = lines.map { "{\"sql\":\"\($0)\"}" }
            async let answers = Task.detached { clients.lines(0, count: lines.count) }.value
            async let written: Void = Task.detached {
                clients.write(lines.map { $0 + "\n" }.joined(), to: 0)
            }.value
            await written
            #expect(await answers == expected)
        }
    }

    @Test func anEndIsLeftToTheChannel() async throws {
        try await withClients(6, second: Array(repeating: "", count: 5) + ["QUIT\n"]) { clients, _ in
            for client in 0..<5 {
                shutdown(clients.sockets[client], Int32(SHUT_WR))
                #expect(clients.lines(client, count: 2) == ["{\"sql\":\"first \(client)\"}"])
                #expect(clients.hasEnded(client))
            }
            #expect(clients.lines(5, count: 2).last == "{\"ok\":true,\"bye\":true}")
            #expect(clients.hasEnded(5))
        }
    }
}
