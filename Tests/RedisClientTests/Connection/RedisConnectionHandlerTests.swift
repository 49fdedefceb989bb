import NIOCore
import NIOEmbedded
import Testing

@testable import RedisClient

@Suite struct RedisConnectionHandlerTests {
    /// A handler in a channel whose other end is the test.
    private final class Connection {
        let channel = EmbeddedChannel()
        private(set) var handler: RedisConnectionHandler!
        private(set) var events: [String] = []
        private(set) var closings: [RedisError] = []

        init(limits: RedisPipeline<RedisConnectionHandler.Waiter>.Limits = .init()) throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 6379)).wait()
            handler = RedisConnectionHandler(
                handshake: RedisHandshake(settings: .plain),
                timeout: .seconds(2),
                handshakeDeadline: channel.eventLoop.now + .seconds(1),
                limits: limits,
                events: RedisConnectionHandler.Events(
                    ready: { [weak self] in self?.events.append("ready \($0.runID)") },
                    closed: { [weak self] in
                        self?.events.append("closed")
                        self?.closings.append($0)
                    }
                )
            )
            try channel.pipeline.syncOperations.addHandler(handler)
        }

        static func ready() throws -> Connection {
            let connection = try Connection()
            try connection.completeHandshake()
            return connection
        }

        func completeHandshake() throws {
            try answer("%1\r\n+proto\r\n:3\r\n")
            let info = "run_id:run-1\r\nredis_version:7.0.15\r\n"
            try answer("$\(info.utf8.count)\r\n\(info)\r\n$0\r\n\r\n+PONG\r\n")
            _ = try sent()
        }

        func answer(_ bytes: String) throws {
            try channel.writeInbound(ByteBuffer(string: bytes))
            channel.embeddedEventLoop.run()
        }

        /// What was written since the last time, a string per write.
        func sent() throws -> [String] {
            channel.embeddedEventLoop.run()
            var writes: [String] = []
            while let write = try channel.readOutbound(as: ByteBuffer.self) { writes.append(String(buffer: write)) }
            return writes
        }

        /// Sends a command; the outcome is added to `events`.
        func send(_ name: String, _ commands: RedisCommand...) {
            let promise = channel.eventLoop.makePromise(of: [RESPValue].self)
            promise.futureResult.assumeIsolated().whenComplete { [weak self] result in
                switch result {
                case .success(let replies): self?.events.append("\(name): \(replies.compactMap(\.string))")
                case .failure(let error): self?.events.append("\(name): \(error)")
                }
            }
            handler.send(commands, waiter: .promise(promise))
        }
    }

    @Test func theHandshakeIsSpoken() throws {
        let connection = try Connection()
        #expect(try connection.sent() == ["*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"])
        #expect(!connection.handler.isReady)
        try connection.answer("-ERR unknown command\r\n")
        #expect(
            try connection.sent() == [
                "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n*1\r\n$4\r\nPING\r\n"
            ]
        )
        let info = "run_id:run-1\r\nredis_version:7.0.15\r\n"
        try connection.answer("$\(info.utf8.count)\r\n\(info)\r\n$0\r\n\r\n")
        #expect(connection.events.isEmpty)
        try connection.answer("+PONG\r\n")
        #expect(connection.events == ["ready run-1"])
        #expect(connection.handler.isReady)
        #expect(connection.handler.identity?.version == "7.0.15")
    }

    @Test func commandsOfOneTurnLeaveInOneWrite() throws {
        let connection = try Connection.ready()
        connection.send("a", RedisCommand("GET", "a"))
        connection.send("b", RedisCommand("GET", "b"), RedisCommand("GET", "c"))
        #expect(
            try connection.sent() == [
                "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\nc\r\n"
            ]
        )
        try connection.answer("+A\r\n+B\r\n")
        try connection.answer(">2\r\n+invalidate\r\n_\r\n+C\r\n")
        #expect(connection.events == ["ready run-1", "a: [\"A\"]", "b: [\"B\", \"C\"]"])
    }

    @Test func aLargeCommandKeepsItsPlace() throws {
        let connection = try Connection.ready()
        let value = String(repeating: "x", count: 20_000)
        connection.send("a", RedisCommand("GET", "a"))
        connection.send("b", RedisCommand("SET", "b", value))
        connection.send("c", RedisCommand("GET", "c"))
        let sent = try connection.sent().joined()
        #expect(
            sent == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$20000\r\n\(value)\r\n"
                + "*2\r\n$3\r\nGET\r\n$1\r\nc\r\n"
        )
    }

    @Test func aCommandMaySendAnother() throws {
        let connection = try Connection.ready()
        let promise = connection.channel.eventLoop.makePromise(of: [RESPValue].self)
        promise.futureResult.assumeIsolated().whenSuccess { _ in connection.send("second", RedisCommand("GET", "b")) }
        connection.handler.send([RedisCommand("GET", "a")], waiter: .promise(promise))
        connection.send("other", RedisCommand("GET", "c"))
        // The second is sent while the reply to the first is being handled, with another reply right behind it.
        try connection.answer("+A\r\n+C\r\n")
        try connection.answer("+B\r\n")
        #expect(connection.events == ["ready run-1", "other: [\"C\"]", "second: [\"B\"]"])
    }

    @Test func aCommandThatIsNotAnsweredEndsTheConnection() throws {
        let connection = try Connection.ready()
        connection.send("a", RedisCommand("GET", "a"))
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1_500))
        try connection.answer("+A\r\n")
        connection.send("b", RedisCommand("GET", "b"))
        // The timer that was set for the first finds the second, and waits on.
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1_999))
        #expect(connection.events == ["ready run-1", "a: [\"A\"]"])
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(connection.events.suffix(2) == ["closed", "b: Redis did not answer in time"])
        #expect(connection.closings == [.noAnswer])
        #expect(!connection.channel.isActive)
    }

    @Test func aHandshakeThatIsNotAnsweredEndsTheConnection() throws {
        let connection = try Connection()
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(connection.events.isEmpty)
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(connection.closings == [.notReadyInTime])
        #expect(!connection.channel.isActive)
    }

    @Test func whoWaitsIsToldAfterTheOwner() throws {
        let connection = try Connection.ready()
        connection.send("a", RedisCommand("GET", "a"))
        connection.send("b", RedisCommand("GET", "b"))
        try connection.answer("+A\r\n")
        connection.channel.pipeline.fireChannelInactive()
        #expect(
            connection.events == [
                "ready run-1", "a: [\"A\"]", "closed", "b: the connection was closed by Redis",
            ]
        )
        connection.send("c", RedisCommand("GET", "c"))
        #expect(connection.events.last == "c: not connected to Redis")
    }

    @Test(arguments: ["?\r\n", "+A\r\n+B\r\n", "$99999999999\r\n"])
    func whatIsNotTheProtocolEndsTheConnection(bytes: String) throws {
        let connection = try Connection.ready()
        connection.send("a", RedisCommand("GET", "a"))
        try connection.answer(bytes)
        #expect(connection.closings.map(\.code) == [.protocolViolation])
        #expect(!connection.channel.isActive)
        #expect(connection.events.count == 3)
    }

    @Test func anErrorOfTheChannelEndsTheConnection() throws {
        let connection = try Connection.ready()
        connection.send("a", RedisCommand("GET", "a"))
        connection.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        connection.channel.embeddedEventLoop.run()
        #expect(connection.closings.map(\.code) == [.unavailable])
        #expect(connection.events.count == 3)
        #expect(!connection.channel.isActive)
    }

    @Test func theEndIsToldOnce() throws {
        let connection = try Connection.ready()
        connection.handler.close(.stopped)
        connection.handler.close(.noAnswer)
        connection.channel.embeddedEventLoop.run()
        #expect(connection.closings == [.stopped])
        connection.send("a", RedisCommand("GET", "a"))
        #expect(connection.events.last == "a: the Redis client was stopped")
    }
}
