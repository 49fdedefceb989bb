import NIOCore
import NIOEmbedded
import NIOTestUtils
import Synchronization
import Testing

@testable import CisternClient

struct ConnectionHandlerTests {
    /// A connection whose clock the test moves.
    private final class Wire {
        let channel: EmbeddedChannel
        let handler: ConnectionHandler
        let freedCounter = Counter()

        init(isRaw: Bool = false) throws {
            handler = ConnectionHandler(isRaw: isRaw, probeTimeout: .seconds(5))
            channel = EmbeddedChannel()
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(ByteToMessageHandler(ResponseLineDecoder(maximumLength: 1000)))
            try pipeline.addHandler(handler)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func exchange(_ operation: String = "ping", seconds: Int64 = 60) -> Exchange {
            Exchange(.numbered, deadline: channel.embeddedEventLoop.now + .seconds(seconds)) {
                RequestLine.bare(operation, number: $0)
            }
        }

        func sent() throws -> String {
            var text = ""
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
            return text
        }

        func receive(_ text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
        }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    private func outcome(_ exchange: Exchange) -> String {
        guard exchange.isSettled else { return "waits" }
        let text = Mutex("")
        exchange.whenSettled { outcome in
            text.withLock { text in
                switch outcome {
                case .success(let line): text = String(buffer: line)
                case .failure(let error): text = error.code.rawValue
                }
            }
        }
        return text.withLock { $0 }
    }

    @Test func requestsOfOneTurnAreWrittenTogether() throws {
        let wire = try Wire()
        let one = wire.exchange()
        let two = wire.exchange("hello")
        wire.handler.send([one, two])
        let buffer = try #require(try wire.channel.readOutbound(as: ByteBuffer.self))
        #expect(
            String(buffer: buffer)
                == "{\"id\":\(one.number),\"op\":\"ping\"}\n{\"id\":\(two.number),\"op\":\"hello\"}\n"
        )
        try wire.receive("{\"id\":\(two.number),\"x\":2}\n{\"id\":\(one.number)")
        try wire.receive(",\"x\":1}\n")
        #expect(outcome(one) == "{\"id\":\(one.number),\"x\":1}")
        #expect(outcome(two) == "{\"id\":\(two.number),\"x\":2}")
    }

    @Test func aLateAnswerIsDropped() throws {
        let wire = try Wire()
        let one = wire.exchange(seconds: 10)
        wire.handler.send([one])
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(!one.isSettled)
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(outcome(one) == "no_answer")
        let two = wire.exchange()
        wire.handler.send([two])
        try wire.receive("{\"id\":\(one.number),\"x\":1}\n{\"id\":\(two.number),\"x\":2}\n")
        #expect(outcome(two) == "{\"id\":\(two.number),\"x\":2}")
        #expect(wire.channel.isActive)
    }

    @Test func aServerThatIsSilentIsPingedAndGivenUp() throws {
        let wire = try Wire()
        let one = wire.exchange(seconds: 10)
        let two = wire.exchange(seconds: 60)
        wire.handler.send([one, two])
        _ = try wire.sent()
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(try wire.sent().contains("\"op\":\"ping\""))
        #expect(!two.isSettled)
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(outcome(two) == "connection_lost")
        #expect(!wire.channel.isActive)
    }

    @Test func aServerThatAnswersThePingIsKept() throws {
        let wire = try Wire()
        let one = wire.exchange(seconds: 10)
        wire.handler.send([one])
        _ = try wire.sent()
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        let ping = try #require(try CisternValue(json: wire.sent())["id"]?.int)
        try wire.receive("{\"id\":\(ping),\"ok\":true,\"pong\":true}\n")
        wire.channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(wire.channel.isActive)
    }

    @Test func aCancelledRequestIsNotSentAndItsPlaceIsFree() throws {
        let wire = try Wire()
        wire.handler.events.freed = { [freed = wire.freedCounter] in freed.add() }
        let one = wire.exchange()
        one.settle(.failure(.cancellation))
        wire.handler.send([one])
        #expect(try wire.sent().isEmpty)
        #expect(wire.freedCounter.count == 1)
    }

    @Test func aRequestThatIsTooLongIsNotSent() throws {
        let wire = try Wire()
        wire.handler.maximumRequestBytes = 20
        let one = wire.exchange("a_long_name_of_an_operation")
        wire.handler.send([one])
        #expect(outcome(one) == "request_too_large")
        #expect(try wire.sent().isEmpty)
        #expect(wire.channel.isActive)
    }

    @Test(arguments: [
        "{\"id\":99999999999,\"ok\":true}\n", "{\"ok\":true,\"pong\":true}\n", "{\"id\":\"x\"}\n",
        "HTTP/1.1 400 Bad Request\n",
        String(repeating: "x", count: 1001),
    ])
    func anAnswerToNoRequestEndsTheConnection(line: String) throws {
        let wire = try Wire()
        let one = wire.exchange()
        wire.handler.send([one])
        try? wire.receive(line)
        #expect(outcome(one) == "bad_answer")
        #expect(!wire.channel.isActive)
    }

    @Test func whatTheServerSaysBeforeItHangsUpIsTheReason() throws {
        let wire = try Wire()
        let one = wire.exchange()
        wire.handler.send([one])
        try wire.receive("{\"ok\":false,\"error\":{\"code\":\"overloaded\",\"message\":\"too many connections\"}}\n")
        #expect(outcome(one) == "overloaded")
    }

    @Test func nothingIsWrittenWhileTheSocketTakesNothing() throws {
        let wire = try Wire()
        wire.channel.isWritable = false
        let one = wire.exchange()
        wire.handler.send([one])
        #expect(try wire.sent().isEmpty)
        wire.channel.isWritable = true
        wire.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try wire.sent().contains("ping"))
    }

    @Test func theEndIsToldToAllThatWait() throws {
        let wire = try Wire()
        let one = wire.exchange()
        wire.channel.isWritable = false
        let two = wire.exchange()
        wire.handler.send([one])
        wire.handler.send([two])
        wire.handler.close(CisternError(.connectionLost, "x"))
        let three = wire.exchange()
        wire.handler.send([three])
        #expect([one, two, three].map(outcome) == ["connection_lost", "connection_lost", "connection_lost"])
    }

    @Test func linesAreCutAsTheyCome() throws {
        try ByteToMessageDecoderVerifier.verifyDecoder(
            stringInputOutputPairs: [
                (
                    "a\n{\"b\":1}\n\nc\n",
                    [ByteBuffer(string: "a"), ByteBuffer(string: "{\"b\":1}"), ByteBuffer(), ByteBuffer(string: "c")]
                )
            ]
        ) { ResponseLineDecoder(maximumLength: 100) }
    }

    @Test func rawConnectionsAnswerInOrder() throws {
        let wire = try Wire(isRaw: true)
        let one = Exchange(.ordered, deadline: .distantFuture) { _ in ByteBuffer(string: "PING\n") }
        wire.handler.send([one])
        try wire.receive("+PONG\r\n")
        #expect(outcome(one) == "+PONG\r")
    }
}
