import LineProtocol
import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing

@Suite struct LineDecoderTests {
    private func lines(_ input: String, limit: Int = 16, pieces: Int = .max, atEnd: Bool = false) throws -> [Line] {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(LineDecoder(maximumLength: limit)))
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            try channel.writeInbound(ByteBuffer(bytes: rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        if atEnd { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        var lines: [Line] = []
        while let line = try channel.readInbound(as: Line.self) { lines.append(line) }
        _ = try channel.finish()
        return lines
    }

    private func text(_ text: String) -> Line { .text(ByteBuffer(string: text)) }

    @Test func anySplitOfTheBytesGivesTheSameLines() throws {
        try ByteToMessageDecoderVerifier.verifyDecoder(
            stringInputOutputPairs: [("SELECT 1\n", [text("SELECT 1")]), ("a\r\n\nb\n", [text("a"), text("b")])],
            decoderFactory: { LineDecoder(maximumLength: 16) }
        )
    }

    @Test(arguments: [1, 2, 3, 7, Int.max])
    func aLineOverTheLimitIsReportedOnceAndSkipped(pieces: Int) throws {
        let input = "first\n" + String(repeating: "x", count: 50) + "\nsecond\n"
        #expect(try lines(input, pieces: pieces) == [text("first"), .tooLong, text("second")])
    }

    @Test(arguments: [1, 5, Int.max])
    func aLineOfExactlyTheLimitPasses(pieces: Int) throws {
        let exact = String(repeating: "x", count: 16)
        #expect(try lines(exact + "\r\n" + exact + "\n", pieces: pieces) == [text(exact), text(exact)])
        #expect(try lines(exact + "x\n", pieces: pieces) == [.tooLong])
    }

    @Test func theRestAtTheEndIsALine() throws {
        #expect(try lines("a\nSELECT 1", atEnd: true) == [text("a"), text("SELECT 1")])
        #expect(try lines("a\n", atEnd: true) == [text("a")])
    }

    @Test(arguments: [1, 5, Int.max])
    func theRestAtTheEndIsLimitedToo(pieces: Int) throws {
        let exact = String(repeating: "x", count: 16)
        #expect(try lines(exact, pieces: pieces, atEnd: true) == [text(exact)])
        #expect(try lines(exact + "\r", pieces: pieces, atEnd: true) == [text(exact)])
        #expect(try lines(exact + "x", pieces: pieces, atEnd: true) == [.tooLong])
        #expect(try lines(exact + "xx", pieces: pieces, atEnd: true) == [.tooLong])
    }

    @Test func anEndlessLineHoldsNoMemory() throws {
        var decoder = LineDecoder(maximumLength: 1000)
        var buffer = ByteBuffer()
        var reports = 0
        for _ in 0..<1000 {
            buffer.writeRepeatingByte(UInt8(ascii: "x"), count: 997)
            if decoder.decode(buffer: &buffer) != nil { reports += 1 }
            #expect(buffer.readableBytes <= 2 * 1000)
        }
        #expect(reports == 1)
    }
}
