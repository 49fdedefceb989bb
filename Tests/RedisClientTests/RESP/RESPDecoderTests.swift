import NIOCore
import RedisClient
import Testing

@Suite struct RESPDecoderTests {
    @Test(arguments: RESPExample.all) func everyTypeIsRead(_ example: RESPExample) throws {
        #expect(try RESPReading(example.bytes).values == [example.value])
    }

    @Test func aNumberThatIsNotOneIsRead() throws {
        guard case .double(let value)? = try RESPReading(",nan\r\n").values.first else {
            Issue.record("no double came")
            return
        }
        #expect(value.isNaN)
    }

    @Test(arguments: RESPExample.all) func anySplitOfTheBytesGivesTheSameValues(_ example: RESPExample) throws {
        let bytes = Array((example.bytes + "+next\r\n").utf8)
        let expected = [example.value, .simpleString(ByteBuffer(string: "next"))]
        for first in 0...bytes.count {
            for second in first...bytes.count {
                #expect(
                    try RESPReading([bytes[..<first], bytes[first..<second], bytes[second...]]).values == expected,
                    "cut at \(first) and \(second)"
                )
            }
        }
    }

    @Test(arguments: 1...7) func theProcessorOfNIOGivesTheSameValues(length: Int) throws {
        let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder())
        var values: [RESPValue] = []
        var rest = Array(RESPExample.all.map(\.bytes).joined().utf8)[...]
        while !rest.isEmpty {
            try processor.process(buffer: ByteBuffer(bytes: rest.prefix(length))) { values.append($0) }
            rest = rest.dropFirst(length)
        }
        #expect(values == RESPExample.all.map(\.value))
    }

    @Test(arguments: 1...40) func piecesOfAnyLengthGiveTheSameValues(length: Int) throws {
        let bytes = RESPExample.all.map(\.bytes).joined()
        #expect(try RESPReading(bytes, pieces: length).values == RESPExample.all.map(\.value))
    }

    @Test func whatIsNotWholeGivesNothing() throws {
        for example in RESPExample.all {
            for length in 0..<example.bytes.utf8.count {
                let reading = try RESPReading(String(example.bytes.utf8.prefix(length)) ?? "")
                #expect(reading.values.isEmpty, "\(length) bytes of \(example)")
            }
        }
    }

    @Test func attributesAreThrownAway() throws {
        let reading = try RESPReading("|1\r\n+ttl\r\n:3600\r\n*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n+b\r\n:2\r\n|0\r\n+OK\r\n")
        #expect(reading.values == [.array([.integer(1), .integer(2)]), .simpleString(ByteBuffer(string: "OK"))])
    }

    @Test func aStringHoldsAnyBytes() throws {
        let content = Array(UInt8.min...UInt8.max) + Array("\r\n$5\r\n*3\r\n".utf8)
        var buffer = ByteBuffer(string: "$\(content.count)\r\n")
        buffer.writeBytes(content)
        buffer.writeString("\r\n")
        var decoder = RESPDecoder()
        #expect(try decoder.decode(buffer: &buffer) == .bulkString(ByteBuffer(bytes: content)))
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: [
        ("?1\r\n", RESPError.unknownType(UInt8(ascii: "?"))),
        ("\r\n", .unknownType(0x0D)),
        ("+OK\rX", .malformedLine),
        (":12a\r\n", .malformedInteger),
        (":\r\n", .malformedInteger),
        (":-\r\n", .malformedInteger),
        (":9223372036854775808\r\n", .malformedInteger),
        (":-9223372036854775809\r\n", .malformedInteger),
        (":99999999999999999999999999\r\n", .malformedInteger),
        ("#yes\r\n", .malformedBoolean),
        ("_x\r\n", .malformedNull),
        (",0x10\r\n", .malformedDouble),
        (",1e\r\n", .malformedDouble),
        (",infinity\r\n", .malformedDouble),
        ("(12.5\r\n", .malformedBigNumber),
        ("(\r\n", .malformedBigNumber),
        ("(-\r\n", .malformedBigNumber),
        ("$abc\r\n", .malformedLength),
        ("$-2\r\n", .malformedLength),
        ("!-1\r\n", .malformedLength),
        ("=-1\r\n", .malformedLength),
        ("*-2\r\n", .malformedLength),
        ("%-1\r\n", .malformedLength),
        ("~-1\r\n", .malformedLength),
        (">-1\r\n", .malformedLength),
        ("$?\r\n", .malformedLength),
        ("$3\r\nabcd\r\n", .missingTerminator),
        ("=2\r\nab\r\n", .malformedVerbatim),
        ("=5\r\ntxt-a\r\n", .malformedVerbatim),
        ("=4\r\n\u{E9}x:\r\n", .malformedVerbatim),
        ("*1\r\n>1\r\n+a\r\n", .nestedPush),
        ("|1\r\n>1\r\n+a\r\n+b\r\n", .nestedPush),
    ])
    func whatIsMalformedIsAnErrorHoweverItIsSplit(bytes: String, error: RESPError) {
        for pieces in [1, 2, 3, Int.max] {
            #expect(throws: error) { try RESPReading(bytes, pieces: pieces) }
        }
    }

    @Test func theEdgesOfIntegersAreRead() throws {
        let reading = try RESPReading(":9223372036854775807\r\n:-9223372036854775808\r\n:+7\r\n:-0\r\n")
        #expect(reading.values == [.integer(.max), .integer(.min), .integer(7), .integer(0)])
    }

    /// Up to 18 digits are read another way than more.
    @Test(arguments: 15...19, [1, 2, 3, Int.max]) func numbersOfManyDigitsAreRead(digits: Int, pieces: Int) throws {
        let number = try #require(Int64(String(repeating: "8", count: digits)))
        let zeros = String(repeating: "0", count: digits - 1)
        let reading = try RESPReading(":\(number)\r\n$\(zeros)2\r\nab\r\n*\(zeros)1\r\n:7\r\n", pieces: pieces)
        #expect(reading.values == [.integer(number), .bulkString(ByteBuffer(string: "ab")), .array([.integer(7)])])
    }

    @Test(arguments: [":\r\n", ":1\r1", ":1x\r\n", "$\r\n", "*\r\n", "$1\rx", "*1\n\n\r\n"])
    func whatOnlyBeginsLikeANumberIsRefused(bytes: String) {
        for pieces in [1, 2, Int.max] {
            #expect(throws: RESPError.self) { try RESPReading(bytes, pieces: pieces) }
        }
    }
}

@Suite struct RESPLimitTests {
    @Test(arguments: [
        ("$9223372036854775807\r\n", RESPError.bulkTooLong),
        ("$536870913\r\n", .bulkTooLong),
        ("=9223372036854775807\r\n", .bulkTooLong),
        ("!9223372036854775807\r\n", .bulkTooLong),
        ("*9223372036854775807\r\n", .tooManyElements),
        ("%9223372036854775807\r\n", .tooManyElements),
        ("%4611686018427387904\r\n", .tooManyElements),
        ("|9223372036854775807\r\n", .tooManyElements),
        ("~1048577\r\n", .tooManyElements),
        (">1048577\r\n", .tooManyElements),
        ("%524289\r\n", .tooManyElements),
        ("*1000000\r\n*1000000\r\n", .tooManyElements),
        ("$18446744073709551616\r\n", .malformedLength),
        ("*18446744073709551616\r\n", .malformedLength),
        ("*-9223372036854775808\r\n", .malformedLength),
    ])
    func anAnnouncedLengthIsNotBelieved(bytes: String, error: RESPError) {
        #expect(throws: error) { try RESPReading(bytes) }
        #expect(throws: error) { try RESPReading(bytes, pieces: 1) }
    }

    private func limits(_ change: (inout RESPLimits) -> Void) -> RESPLimits {
        var limits = RESPLimits()
        change(&limits)
        return limits
    }

    @Test func theLengthOfABulkStringIsLimited() throws {
        let limits = limits { $0.bulkLength = 5 }
        #expect(try RESPReading("$5\r\nabcde\r\n", limits: limits).values.count == 1)
        #expect(throws: RESPError.bulkTooLong) { try RESPReading("$6\r\n", limits: limits) }
    }

    @Test(arguments: [1, 2, 3, Int.max]) func theLengthOfALineIsLimited(pieces: Int) throws {
        let limits = limits { $0.lineLength = 5 }
        #expect(try RESPReading("+abcde\r\n", limits: limits, pieces: pieces).values.count == 1)
        #expect(throws: RESPError.lineTooLong) { try RESPReading("+abcdef\r\n", limits: limits, pieces: pieces) }
        #expect(throws: RESPError.lineTooLong) { try RESPReading("+abcdefgh", limits: limits, pieces: pieces) }
        #expect(try RESPReading(":12345\r\n", limits: limits, pieces: pieces).values == [.integer(12345)])
        #expect(throws: RESPError.lineTooLong) { try RESPReading(":123456\r\n", limits: limits, pieces: pieces) }
    }

    @Test func theDepthIsLimited() throws {
        let limits = limits { $0.depth = 3 }
        #expect(try RESPReading("*1\r\n*1\r\n*1\r\n:1\r\n", limits: limits).values.count == 1)
        #expect(throws: RESPError.tooDeep) { try RESPReading("*1\r\n*1\r\n*1\r\n*1\r\n", limits: limits) }
        #expect(throws: RESPError.tooDeep) { try RESPReading("*1\r\n%1\r\n~1\r\n|1\r\n", limits: limits) }
    }

    @Test func manyLevelsDoNotExhaustTheStack() {
        let bytes = String(repeating: "*1\r\n", count: 100_000)
        #expect(throws: RESPError.tooDeep) { try RESPReading(bytes) }
    }

    @Test func theElementsOfOneReplyAreCountedTogether() throws {
        let limits = limits { $0.elements = 4 }
        let four = "*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n"
        #expect(try RESPReading(four + four, limits: limits).values.count == 2)
        #expect(throws: RESPError.tooManyElements) {
            try RESPReading("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n", limits: limits)
        }
        #expect(throws: RESPError.tooManyElements) { try RESPReading("%3\r\n", limits: limits) }
    }

    @Test func attributesBetweenRepliesDoNotAddUp() throws {
        let limits = limits { $0.elements = 4 }
        let bytes = String(repeating: "|2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", count: 5) + "+OK\r\n"
        #expect(try RESPReading(bytes, limits: limits).values == [.simpleString(ByteBuffer(string: "OK"))])
    }
}
