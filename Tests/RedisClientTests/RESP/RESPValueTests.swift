import NIOCore
import RedisClient
import Testing

@Suite struct RESPValueTests {
    private let text = ByteBuffer(string: "42")

    @Test func bytesAreThoseOfStrings() {
        #expect(RESPValue.simpleString(text).bytes == text)
        #expect(RESPValue.bulkString(text).bytes == text)
        #expect(RESPValue.verbatim(format: "txt", text).bytes == text)
        for value: RESPValue in [.integer(42), .null, .error("42"), .array([.bulkString(text)]), .bigNumber("42")] {
            #expect(value.bytes == nil)
        }
    }

    @Test func aStringIsTheTextOfStringsAndNumbers() {
        for value: RESPValue in [
            .simpleString(text), .bulkString(text), .verbatim(format: "txt", text), .integer(42), .bigNumber("42"),
        ] {
            #expect(value.string == "42")
        }
        #expect(RESPValue.double(1.5).string == "1.5")
        #expect(RESPValue.bulkString(ByteBuffer(bytes: [0x41, 0xFF])).string == "A\u{FFFD}")
        for value: RESPValue in [.null, .error("42"), .boolean(true), .array([]), .map([]), .set([]), .push([])] {
            #expect(value.string == nil)
        }
    }

    @Test func anIntegerIsOneOrAStringThatIsOne() {
        #expect(RESPValue.integer(-1).integer == -1)
        #expect(RESPValue.bulkString(text).integer == 42)
        #expect(RESPValue.simpleString(ByteBuffer(string: "-9223372036854775808")).integer == .min)
        for value: RESPValue in [
            .bulkString(ByteBuffer(string: "4.2")), .bulkString(ByteBuffer()), .double(42), .null,
            .bulkString(ByteBuffer(string: "9223372036854775808")),
        ] {
            #expect(value.integer == nil)
        }
    }

    @Test func elementsAreThoseOfArraysSetsAndPushes() {
        #expect(RESPValue.array([.null]).elements == [.null])
        #expect(RESPValue.set([.null]).elements == [.null])
        #expect(RESPValue.push([.null]).elements == [.null])
        #expect(RESPValue.map([]).elements == nil)
        #expect(RESPValue.null.elements == nil)
    }

    @Test func nullsAndErrorsAreToldFromTheRest() {
        #expect(RESPValue.null.isNull)
        #expect(!RESPValue.bulkString(ByteBuffer()).isNull)
        #expect(RESPValue.error("ERR x").errorMessage == "ERR x")
        #expect(RESPValue.simpleString(text).errorMessage == nil)
    }
}
