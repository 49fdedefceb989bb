/// What kind of value stands next in a JSON text.
package enum JSONKind: String, Sendable {
    case object, array, string, number, boolean, null
}

/// Why a text is not JSON, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        case unexpectedEnd = "the text ends too early"
        case unexpectedByte = "unexpected character"
        case invalidNumber = "not a JSON number"
        case invalidEscape = "not a JSON escape"
        case invalidUTF8 = "not valid UTF-8"
        case controlCharacter = "a control character must be escaped inside a string"
        case tooDeep = "nested too deeply"
        case trailingBytes = "more text after the value"
    }

    package let reason: Reason
    /// Bytes from the start of the text.
    package let offset: Int

    package var description: String { "\(reason.rawValue) at byte \(offset)" }
}

/// A pull reader over the bytes of one JSON text (RFC 8259).
///
/// The reader never copies more than it is asked for: a caller that only wants to pass a value on takes its range with
/// ``skipValue()``. Numbers are returned as the digits that were written, because a number that passes through a
/// `Double` has lost some. Nothing recurses but ``skipValue()``, which stops at `maximumDepth`.
///
/// Invariants: `offset` is at most `bytes.count`; every value that a method returns has been checked in full.
package struct JSONReader {
    package let bytes: UnsafeRawBufferPointer
    package private(set) var offset: Int
    private let maximumDepth: Int
    private var depth = 0
    /// Just behind `{` or `[`, where a member may follow without a comma.
    private var atStart = false

    package init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int = 128) {
        self.bytes = bytes
        self.offset = 0
        self.maximumDepth = maximumDepth
    }

    // MARK: Looking ahead

    /// The kind of the next value, judged by its first byte.
    package mutating func peek() throws(JSONError) -> JSONKind {
        switch try firstByte() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw error(.unexpectedByte)
        }
    }

    /// Checks that nothing but white space is left.
    package mutating func finish() throws(JSONError) {
        skipWhitespace()
        if offset != bytes.count { throw error(.trailingBytes) }
    }

    // MARK: Containers

    package mutating func beginObject() throws(JSONError) {
        try expect(UInt8(ascii: "{"))
        try descend()
    }

    /// The next member's key, or nil when the object has ended. The caller reads the value before it asks again.
    package mutating func nextKey() throws(JSONError) -> String? {
        guard try nextItem(closing: UInt8(ascii: "}")) else { return nil }
        let key = try readString()
        try expect(UInt8(ascii: ":"))
        return key
    }

    package mutating func beginArray() throws(JSONError) {
        try expect(UInt8(ascii: "["))
        try descend()
    }

    /// Whether another element follows; the caller reads it before it asks again.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try nextItem(closing: UInt8(ascii: "]"))
    }

    private mutating func descend() throws(JSONError) {
        depth += 1
        if depth > maximumDepth { throw error(.tooDeep) }
        atStart = true
    }

    private mutating func nextItem(closing: UInt8) throws(JSONError) -> Bool {
        let byte = try firstByte()
        if byte == closing {
            offset += 1
            depth -= 1
            atStart = false
            return false
        }
        if atStart {
            atStart = false
            return true
        }
        try expect(UInt8(ascii: ","))
        if try firstByte() == closing { throw error(.unexpectedByte) }
        return true
    }

    // MARK: Values

    package mutating func readNull() throws(JSONError) {
        try expectWord("null")
    }

    package mutating func readBool() throws(JSONError) -> Bool {
        if try firstByte() == UInt8(ascii: "t") {
            try expectWord("true")
            return true
        }
        try expectWord("false")
        return false
    }

    /// The number's digits exactly as they were written.
    package mutating func readNumber() throws(JSONError) -> String {
        let range = try numberRange()
        return String(decoding: bytes[range], as: UTF8.self)
    }

    package mutating func readString() throws(JSONError) -> String {
        let (range, hasEscapes) = try stringRange()
        if hasEscapes { return try unescape(range) }
        let text = UnsafeRawBufferPointer(rebasing: bytes[range])
        // What most are; looking for what is not UTF-8 costs more.
        if text.isASCII { return String(decoding: text, as: UTF8.self) }
        guard let text = String(validating: text, as: UTF8.self) else {
            throw JSONError(reason: .invalidUTF8, offset: range.lowerBound)
        }
        return text
    }

    /// Steps over one whole value of any kind and returns where it stands. Strings inside are checked for control
    /// characters and escapes, not for UTF-8: check the whole text once with ``isValidUTF8(_:)``.
    package mutating func skipValue() throws(JSONError) -> Range<Int> {
        let kind = try peek()
        let start = offset
        switch kind {
        case .object:
            try beginObject()
            while try nextItem(closing: UInt8(ascii: "}")) {
                _ = try stringRange()
                try expect(UInt8(ascii: ":"))
                _ = try skipValue()
            }
        case .array:
            try beginArray()
            while try nextElement() { _ = try skipValue() }
        case .string: _ = try stringRange()
        case .number: _ = try numberRange()
        case .boolean: _ = try readBool()
        case .null: try readNull()
        }
        return start..<offset
    }

    /// The text between two offsets, as it was written.
    package func text(in range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    // MARK: Scanning

    package mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func firstByte() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard offset < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[offset]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try firstByte() == byte else { throw error(.unexpectedByte) }
        offset += 1
    }

    private mutating func expectWord(_ word: StaticString) throws(JSONError) {
        _ = try firstByte()
        for index in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count else { throw error(.unexpectedEnd) }
            guard bytes[offset] == word.utf8Start[index] else { throw error(.unexpectedByte) }
            offset += 1
        }
    }

    private mutating func numberRange() throws(JSONError) -> Range<Int> {
        _ = try firstByte()
        let start = offset
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") {
            offset += 1
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return start..<offset
    }

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = current, byte &- UInt8(ascii: "0") < 10 { offset += 1 }
        if offset == start { throw error(.invalidNumber) }
    }

    /// Where the inside of a string stands (without its quotes), and whether it has escapes.
    private mutating func stringRange() throws(JSONError) -> (Range<Int>, hasEscapes: Bool) {
        try expect(UInt8(ascii: "\""))
        let start = offset
        var hasEscapes = false
        while true {
            offset = bytes.indexOfEscape(from: offset)
            guard offset < bytes.count else { throw error(.unexpectedEnd) }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return (start..<(offset - 1), hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                offset += 1
                try checkEscape()
            default:
                throw error(.controlCharacter)
            }
        }
    }

    private mutating func checkEscape() throws(JSONError) {
        guard let byte = current else { throw error(.unexpectedEnd) }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 1
        case UInt8(ascii: "u"):
            guard offset + 4 < bytes.count else { throw error(.unexpectedEnd) }
            guard hexadecimal(at: offset + 1) != nil else { throw error(.invalidEscape) }
            offset += 5
        default:
            throw error(.invalidEscape)
        }
    }

    private func hexadecimal(at start: Int) -> UInt16? {
        var value: UInt16 = 0
        for index in start..<(start + 4) {
            let digit: UInt8
            switch bytes[index] {
            case let byte where byte &- UInt8(ascii: "0") < 10: digit = byte - UInt8(ascii: "0")
            case let byte where byte &- UInt8(ascii: "a") < 6: digit = byte - UInt8(ascii: "a") + 10
            case let byte where byte &- UInt8(ascii: "A") < 6: digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Replaces the escapes of a string whose form `stringRange` has checked.
    private func unescape(_ range: Range<Int>) throws(JSONError) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "\\") else {
                output.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                let (scalar, length) = try unicodeEscape(at: index, end: range.upperBound)
                output.append(contentsOf: String(scalar).utf8)
                index += length
                continue
            case let plain: output.append(plain)
            }
            index += 2
        }
        guard let text = String(validating: output, as: UTF8.self) else {
            throw JSONError(reason: .invalidUTF8, offset: range.lowerBound)
        }
        return text
    }

    /// The scalar of the `\uXXXX` (or surrogate pair) at an offset, and how many bytes the escape takes.
    private func unicodeEscape(at index: Int, end: Int) throws(JSONError) -> (Unicode.Scalar, length: Int) {
        let invalid = JSONError(reason: .invalidEscape, offset: index)
        guard let first = hexadecimal(at: index + 2) else { throw invalid }
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        // A surrogate: only a high one followed by a low one stands for a character.
        guard first < 0xDC00, index + 12 <= end, bytes[index + 6] == UInt8(ascii: "\\"),
            bytes[index + 7] == UInt8(ascii: "u"), let second = hexadecimal(at: index + 8),
            (0xDC00...0xDFFF).contains(second)
        else { throw invalid }
        let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        guard let scalar = Unicode.Scalar(value) else { throw invalid }
        return (scalar, 12)
    }

    private func error(_ reason: JSONError.Reason) -> JSONError {
        JSONError(reason: reason, offset: offset)
    }
}

extension JSONReader {
    /// Checks that a whole text is one JSON value.
    package static func check(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int = 128) throws(JSONError) {
        guard isValidUTF8(bytes) else { throw JSONError(reason: .invalidUTF8, offset: 0) }
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        _ = try reader.skipValue()
        try reader.finish()
    }

    /// Whether a whole text is UTF-8; a text of ASCII alone is told without decoding.
    package static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.isASCII || String(validating: bytes, as: UTF8.self) != nil
    }
}
