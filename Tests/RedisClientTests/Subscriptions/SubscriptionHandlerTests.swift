import NIOCore
import NIOEmbedded
import Testing

@testable import RedisClient

@Suite struct SubscriptionHandlerTests {
    private final class Connection {
        let channel = EmbeddedChannel()
        private(set) var handler: SubscriptionHandler!
        private(set) var events: [String] = []

        init() throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 6379)).wait()
            handler = SubscriptionHandler(
                machine: SubscriptionMachine(
                    channels: ["news"],
                    handshake: RedisHandshake(settings: .plain),
                    timeout: .seconds(2)
                ),
                handshakeDeadline: channel.eventLoop.now + .seconds(1),
                events: SubscriptionHandler.Events(
                    subscribed: { [weak self] in self?.events.append("subscribed \($0.runID)") },
                    message: { [weak self] in self?.events.append("\($0): \(String(buffer: $1))") },
                    closed: { [weak self] in self?.events.append("closed: \($0)") }
                )
            )
            try channel.pipeline.syncOperations.addHandler(handler)
        }

        func answer(_ bytes: String) throws {
            try channel.writeInbound(ByteBuffer(string: bytes))
        }

        func sent() throws -> [String] {
            var writes: [String] = []
            while let write = try channel.readOutbound(as: ByteBuffer.self) { writes.append(String(buffer: write)) }
            return writes
        }

        static func subscribed() throws -> Connection {
            let connection = try Connection()
            let info = "run_id:run-1\r\nredis_version:7.0.15\r\n"
            try connection.answer("%0\r\n")
            try connection.answer("$\(info.utf8.count)\r\n\(info)\r\n$0\r\n\r\n+PONG\r\n")
            #expect(try connection.sent().last == "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n")
            try connection.answer(">3\r\n+subscribe\r\n+news\r\n:1\r\n")
            return connection
        }
    }

    @Test func messagesAreTold() throws {
        let connection = try Connection.subscribed()
        try connection.answer(">3\r\n+message\r\n+news\r\n$5\r\nfi")
        try connection.answer("rst\r\n>3\r\n+message\r\n+news\r\n$6\r\nsecond\r\n")
        #expect(connection.events == ["subscribed run-1", "news: first", "news: second"])
    }

    @Test func silenceIsAskedAndThenEnded() throws {
        let connection = try Connection.subscribed()
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(try connection.sent().isEmpty)
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try connection.sent() == ["*1\r\n$4\r\nPING\r\n"])
        try connection.answer("+PONG\r\n")
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try connection.sent() == ["*1\r\n$4\r\nPING\r\n"])
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1_750))
        #expect(connection.channel.isActive)
        connection.channel.embeddedEventLoop.advanceTime(by: .milliseconds(250))
        #expect(connection.events.last == "closed: Redis did not answer in time")
        #expect(!connection.channel.isActive)
        // Nothing goes on ticking behind it.
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(try connection.sent().isEmpty)
    }

    @Test func aHandshakeThatIsNotAnsweredEndsIt() throws {
        let connection = try Connection()
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(connection.events == ["closed: Redis accepted the connection and did not answer in time"])
    }

    @Test func theEndIsToldOnce() throws {
        let connection = try Connection.subscribed()
        connection.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        connection.channel.pipeline.fireChannelInactive()
        connection.handler.close(.stopped)
        #expect(connection.events.count == 2)
        #expect(!connection.channel.isActive)
    }

    @Test func bytesThatAreNotRESPEndIt() throws {
        let connection = try Connection.subscribed()
        try connection.answer("?\r\n")
        #expect(connection.events.count == 2)
        #expect(connection.events.last?.hasPrefix("closed: Redis sent what is not RESP") == true)
        try connection.answer(">3\r\n+message\r\n+news\r\n+late\r\n")
        #expect(connection.events.count == 2)
    }
}
