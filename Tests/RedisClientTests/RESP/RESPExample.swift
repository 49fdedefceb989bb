import NIOCore
import RedisClient

/// A value and how the protocol writes it.
struct RESPExample: Sendable, CustomStringConvertible {
    var bytes: String
    var value: RESPValue

    var description: String { bytes.replacing("\r\n", with: " ") }

    private init(_ bytes: String, _ value: RESPValue) {
        self.bytes = bytes
        self.value = value
    }

    private static func bulk(_ text: String) -> RESPValue { .bulkString(ByteBuffer(string: text)) }
    private static func simple(_ text: String) -> RESPValue { .simpleString(ByteBuffer(string: text)) }

    static let all: [RESPExample] = scalars + aggregates

    private static let scalars: [RESPExample] = [
        RESPExample("+OK\r\n", simple("OK")),
        RESPExample("+\r\n", simple("")),
        RESPExample("-ERR no such thing\r\n", .error("ERR no such thing")),
        RESPExample(":0\r\n", .integer(0)),
        RESPExample(":-42\r\n", .integer(-42)),
        RESPExample("$5\r\nhello\r\n", bulk("hello")),
        RESPExample("$0\r\n\r\n", bulk("")),
        RESPExample("$4\r\n\r\n\r\n\r\n", bulk("\r\n\r\n")),
        RESPExample("$6\r\nC\u{E9}fe\u{301}\r\n".replacing("$6", with: "$7"), bulk("C\u{E9}fe\u{301}")),
        RESPExample("$-1\r\n", .null),
        RESPExample("*-1\r\n", .null),
        RESPExample("_\r\n", .null),
        RESPExample("#t\r\n", .boolean(true)),
        RESPExample("#f\r\n", .boolean(false)),
        RESPExample(",3.25\r\n", .double(3.25)),
        RESPExample(",-1.5e-3\r\n", .double(-0.0015)),
        RESPExample(",inf\r\n", .double(.infinity)),
        RESPExample(",-inf\r\n", .double(-.infinity)),
        RESPExample(
            "(3492890328409238509324850943850943825024385\r\n",
            .bigNumber("3492890328409238509324850943850943825024385")
        ),
        RESPExample("(-7\r\n", .bigNumber("-7")),
        RESPExample("!21\r\nSYNTAX invalid syntax\r\n", .error("SYNTAX invalid syntax")),
        RESPExample("=8\r\ntxt:some\r\n", .verbatim(format: "txt", ByteBuffer(string: "some"))),
        RESPExample("=4\r\nmkd:\r\n", .verbatim(format: "mkd", ByteBuffer())),
    ]

    private static let aggregates: [RESPExample] = [
        RESPExample("*0\r\n", .array([])),
        RESPExample("*2\r\n:1\r\n$1\r\nx\r\n", .array([.integer(1), bulk("x")])),
        RESPExample("*2\r\n*1\r\n*0\r\n_\r\n", .array([.array([.array([])]), .null])),
        RESPExample("*2\r\n-NOSCRIPT\r\n:1\r\n", .array([.error("NOSCRIPT"), .integer(1)])),
        RESPExample("%0\r\n", .map([])),
        RESPExample(
            "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
            .map([
                RESPValue.Pair(key: simple("a"), value: .integer(1)),
                RESPValue.Pair(key: simple("b"), value: .array([.integer(2)])),
            ])
        ),
        RESPExample("~2\r\n:1\r\n#t\r\n", .set([.integer(1), .boolean(true)])),
        RESPExample("~0\r\n", .set([])),
        RESPExample(
            ">2\r\n+message\r\n%1\r\n:1\r\n:2\r\n",
            .push([
                simple("message"), .map([RESPValue.Pair(key: .integer(1), value: .integer(2))]),
            ])
        ),
        RESPExample("|1\r\n+ttl\r\n:3600\r\n:5\r\n", .integer(5)),
    ]
}

/// The values that a decoder makes of bytes that come a piece at a time.
struct RESPReading {
    var values: [RESPValue] = []

    init(_ bytes: String, limits: RESPLimits = RESPLimits(), pieces: Int = .max) throws {
        var rest = Array(bytes.utf8)[...]
        var cut: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            cut.append(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
        }
        try self.init(cut, limits: limits)
    }

    init(_ pieces: [ArraySlice<UInt8>], limits: RESPLimits = RESPLimits()) throws {
        var decoder = RESPDecoder(limits: limits)
        var buffer = ByteBuffer()
        for piece in pieces {
            buffer.writeBytes(piece)
            while let value = try decoder.decode(buffer: &buffer) { values.append(value) }
        }
    }
}
