package import NIOCore

extension ByteBuffer {
    /// Writes a JSON string with its quotes. Escapes are those of PostgreSQL's `escape_json`: the short ones where JSON
    /// has them, `\u00XX` for other control characters, everything else as it is.
    package mutating func writeJSONString(_ text: String) {
        var text = text
        text.withUTF8 { writeJSONString(UnsafeRawBufferPointer($0)) }
    }

    /// The same for bytes that are known to be UTF-8.
    package mutating func writeJSONString(_ bytes: UnsafeRawBufferPointer) {
        writeInteger(UInt8(ascii: "\""))
        var clean = 0
        var index = bytes.indexOfEscape(from: 0)
        while index < bytes.count {
            if index > clean { writeBytes(UnsafeRawBufferPointer(rebasing: bytes[clean..<index])) }
            writeJSONEscape(of: bytes[index])
            clean = index + 1
            index = bytes.indexOfEscape(from: clean)
        }
        if bytes.count > clean { writeBytes(UnsafeRawBufferPointer(rebasing: bytes[clean...])) }
        writeInteger(UInt8(ascii: "\""))
    }

    private mutating func writeJSONEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): writeStaticString("\\\"")
        case UInt8(ascii: "\\"): writeStaticString("\\\\")
        case 0x08: writeStaticString("\\b")
        case 0x0C: writeStaticString("\\f")
        case 0x0A: writeStaticString("\\n")
        case 0x0D: writeStaticString("\\r")
        case 0x09: writeStaticString("\\t")
        default:
            writeStaticString("\\u00")
            writeInteger(Self.hexadecimalDigit(byte >> 4))
            writeInteger(Self.hexadecimalDigit(byte & 0xF))
        }
    }

    private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Writes a decimal integer without going through a `String`.
    package mutating func writeDecimal(_ value: Int64) {
        if value < 0 { writeInteger(UInt8(ascii: "-")) }
        var rest = value.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = digits.count
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start...]))
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte from an index on that JSON wants escaped, or the end. Eight bytes at a time: large texts rarely have one.
    package func indexOfEscape(from start: Int) -> Int {
        var index = start
        while index + 8 <= count {
            let word = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // The top bit of a byte is set if the byte is 0x00…0x1F, a quotation mark or a backslash. What carries over from a
            // byte can only mark one above it, and then that byte itself is marked.
            let controls = (word &- 0x2020_2020_2020_2020) & ~word
            let quotes = Self.zeros(in: word ^ 0x2222_2222_2222_2222)
            let backslashes = Self.zeros(in: word ^ 0x5C5C_5C5C_5C5C_5C5C)
            if (controls | quotes | backslashes) & 0x8080_8080_8080_8080 != 0 { break }
            index += 8
        }
        while index < count {
            let byte = self[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
            index += 1
        }
        return count
    }

    /// Whether no byte is above 0x7F.
    var isASCII: Bool {
        var index = 0
        while index + 8 <= count {
            if loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
            index += 8
        }
        while index < count {
            if self[index] >= 0x80 { return false }
            index += 1
        }
        return true
    }

    /// Whether there is a byte of 0.
    fileprivate var holdsZero: Bool {
        var index = 0
        while index + 8 <= count {
            if Self.zeros(in: loadUnaligned(fromByteOffset: index, as: UInt64.self)) & 0x8080_8080_8080_8080 != 0 {
                return true
            }
            index += 8
        }
        while index < count {
            if self[index] == 0 { return true }
            index += 1
        }
        return false
    }

    /// Marks, by their top bits, at least the zero bytes if there are any, and none if there are none.
    @inline(__always)
    private static func zeros(in word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word
    }
}

extension String {
    /// Whether there is a NUL character, which JSON can write and PostgreSQL has no text for.
    package var holdsNUL: Bool {
        utf8.withContiguousStorageIfAvailable { UnsafeRawBufferPointer($0).holdsZero } ?? utf8.contains(0)
    }
}
