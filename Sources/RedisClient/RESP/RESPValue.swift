package import NIOCore

/// One value of the Redis serialization protocol, versions 2 and 3.
///
/// Strings are slices of the buffer that the socket was read into: no copy is made, and a slice keeps the whole of
/// that buffer alive. Whoever keeps one beyond the handling of the reply copies it (`ByteBuffer(bytes:)` or a write
/// into a buffer of its own), or a hundred bytes pin as much as the socket read at once.
package enum RESPValue: Sendable, Equatable {
    case simpleString(ByteBuffer)
    case bulkString(ByteBuffer)
    /// The server's message, its code first: `NOSCRIPT No matching script.`
    case error(String)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)
    /// RESP3's null, and RESP2's null bulk string and null array.
    case null
    case array([RESPValue])
    case map([Pair])
    case set([RESPValue])
    /// Sent outside of the order of replies. Only found at the top level.
    case push([RESPValue])
    /// Decimal digits with an optional sign.
    case bigNumber(String)
    /// `format` has three characters: `txt` or `mkd`.
    case verbatim(format: String, ByteBuffer)

    package struct Pair: Sendable, Equatable {
        package var key: RESPValue
        package var value: RESPValue

        package init(key: RESPValue, value: RESPValue) {
            self.key = key
            self.value = value
        }
    }
}

extension RESPValue {
    /// The bytes of a simple, bulk or verbatim string; nil for all else.
    package var bytes: ByteBuffer? {
        switch self {
        case .simpleString(let bytes), .bulkString(let bytes), .verbatim(_, let bytes): bytes
        default: nil
        }
    }

    /// The text of a string or number; malformed UTF-8 is repaired. Nil for all else.
    package var string: String? {
        switch self {
        case .simpleString(let bytes), .bulkString(let bytes), .verbatim(_, let bytes):
            String(decoding: bytes.readableBytesView, as: UTF8.self)
        case .integer(let value): String(value)
        case .double(let value): String(value)
        case .bigNumber(let digits): digits
        default: nil
        }
    }

    /// An integer, or a string that is one.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .simpleString, .bulkString: string.flatMap { Int64($0) }
        default: nil
        }
    }

    /// The elements of an array, set or push; nil for all else.
    package var elements: [RESPValue]? {
        switch self {
        case .array(let values), .set(let values), .push(let values): values
        default: nil
        }
    }

    package var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    /// The server's message if the value is an error.
    package var errorMessage: String? {
        if case .error(let message) = self { return message }
        return nil
    }
}
