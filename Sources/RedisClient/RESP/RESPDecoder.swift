package import NIOCore

// Bytes to values, a piece at a time.
//
// An aggregate that has begun is kept on a stack of frames, and each scalar is taken from the buffer as soon as it is
// whole, so no byte of a large array is looked at twice however the stream was cut.
//
// - What a peer announces is compared with the limits before anything is computed from it or reserved for it.
// - A frame on the stack always waits for at least one more value; an empty aggregate never gets a frame.
// - Attributes are read as a map and thrown away; they are not a value of what surrounds them.

/// The most of each kind that a peer may send.
package struct RESPLimits: Sendable {
    /// Bytes of a bulk string. 512 MiB is what Redis itself allows by default.
    package var bulkLength = 512 * 1024 * 1024
    /// Bytes of a line: a simple string, an error, a number or a length.
    package var lineLength = 64 * 1024
    /// Aggregates within aggregates.
    package var depth = 32
    /// Values in one reply, all levels together.
    package var elements = 1 << 20

    package init() {}
}

/// Decodes RESP2 and RESP3. Throws `RESPError`; once it has thrown, the stream is lost.
package struct RESPDecoder: NIOSingleStepByteToMessageDecoder {
    package typealias InboundOut = RESPValue

    private let limits: RESPLimits
    private var frames: [Frame] = []
    private var announced = 0
    /// How many unread bytes are known to hold no CR.
    private var scanned = 0

    package init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    package mutating func decode(buffer: inout ByteBuffer) throws -> RESPValue? {
        try next(&buffer)
    }

    package mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPValue? {
        try next(&buffer)
    }

    private mutating func next(_ buffer: inout ByteBuffer) throws(RESPError) -> RESPValue? {
        while true {
            switch try item(&buffer) {
            case .incomplete:
                return nil
            case .opened:
                continue
            case .value(let value):
                let whole = place(value)
                if frames.isEmpty { announced = 0 }
                if let whole { return whole }
            case .skipped:
                if frames.isEmpty { announced = 0 }
            }
        }
    }

    /// Puts a value where it belongs. Returns it, or the aggregate that it completes, if that is a whole reply.
    private mutating func place(_ value: RESPValue) -> RESPValue? {
        var value = value
        while let top = frames.indices.last {
            frames[top].values.append(value)
            frames[top].remaining -= 1
            guard frames[top].remaining == 0 else { return nil }
            guard let finished = frames.removeLast().finished() else { return nil }
            value = finished
        }
        return value
    }
}

extension RESPDecoder {
    private struct Frame {
        var kind: Kind
        var remaining: Int
        var values: [RESPValue]

        enum Kind {
            case array
            case set
            case push
            case map
            case attribute
        }

        init(kind: Kind, count: Int) {
            self.kind = kind
            self.remaining = count
            self.values = []
            // The count is the peer's word: what is reserved for it is what a small reply needs.
            values.reserveCapacity(min(count, 64))
        }

        /// The aggregate as a value; nil for an attribute.
        consuming func finished() -> RESPValue? {
            switch kind {
            case .array: return .array(values)
            case .set: return .set(values)
            case .push: return .push(values)
            case .map:
                return .map(
                    stride(from: 0, to: values.count - 1, by: 2)
                        .map { RESPValue.Pair(key: values[$0], value: values[$0 + 1]) }
                )
            case .attribute: return nil
            }
        }
    }

    private enum Item {
        case incomplete
        case value(RESPValue)
        /// An aggregate began, and its values follow.
        case opened
        /// Something was read that is no value: an empty attribute.
        case skipped
    }

    private mutating func item(_ buffer: inout ByteBuffer) throws(RESPError) -> Item {
        guard let type = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .incomplete }
        if let (number, next) = plainNumber(buffer) {
            switch type {
            case UInt8(ascii: "$"):
                return try bulk(type, length: number, at: next, &buffer)
            case UInt8(ascii: "*"):
                return try aggregate(.array, count: number, &buffer, next: next)
            case UInt8(ascii: ":"):
                moveOn(to: next, &buffer)
                return .value(.integer(number))
            default: break
            }
        }
        guard RESPDecoder.isType(type) else { throw .unknownType(type) }
        guard let end = try lineEnd(buffer) else { return .incomplete }
        let line = Line(start: buffer.readerIndex + 1, end: end)
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            guard let length = line.integer(of: buffer) else { throw .malformedLength }
            return try bulk(type, length: length, at: line.end + 2, &buffer)
        case UInt8(ascii: "*"):
            return try aggregate(.array, line, &buffer)
        case UInt8(ascii: "~"):
            return try aggregate(.set, line, &buffer)
        case UInt8(ascii: ">"):
            return try aggregate(.push, line, &buffer)
        case UInt8(ascii: "%"):
            return try aggregate(.map, line, &buffer)
        case UInt8(ascii: "|"):
            return try aggregate(.attribute, line, &buffer)
        default:
            let value = try RESPDecoder.scalar(type, line, buffer)
            moveOn(to: line.end + 2, &buffer)
            return .value(value)
        }
    }

    private static func isType(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "%"), UInt8(ascii: "~"),
            UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "("), UInt8(ascii: "!"), UInt8(ascii: "|"):
            true
        default:
            false
        }
    }

    private static func scalar(_ type: UInt8, _ line: Line, _ buffer: ByteBuffer) throws(RESPError) -> RESPValue {
        switch type {
        case UInt8(ascii: "+"):
            guard let bytes = line.slice(of: buffer) else { throw .malformedLine }
            return .simpleString(bytes)
        case UInt8(ascii: "-"):
            return .error(line.text(of: buffer))
        case UInt8(ascii: ":"):
            guard let value = line.integer(of: buffer) else { throw .malformedInteger }
            return .integer(value)
        case UInt8(ascii: "_"):
            guard line.count == 0 else { throw .malformedNull }
            return .null
        case UInt8(ascii: "#"):
            switch line.text(of: buffer) {
            case "t": return .boolean(true)
            case "f": return .boolean(false)
            default: throw .malformedBoolean
            }
        case UInt8(ascii: ","):
            guard let value = line.double(of: buffer) else { throw .malformedDouble }
            return .double(value)
        case UInt8(ascii: "("):
            guard line.isDecimal(of: buffer) else { throw .malformedBigNumber }
            return .bigNumber(line.text(of: buffer))
        default:
            throw .unknownType(type)
        }
    }

    /// - Parameter start: the index behind the line that announces the length.
    private mutating func bulk(
        _ type: UInt8,
        length announcedLength: Int64,
        at start: Int,
        _ buffer: inout ByteBuffer
    ) throws(RESPError) -> Item {
        if announcedLength == -1, type == UInt8(ascii: "$") {
            moveOn(to: start, &buffer)
            return .value(.null)
        }
        guard announcedLength >= 0 else { throw .malformedLength }
        guard announcedLength <= Int64(limits.bulkLength) else { throw .bulkTooLong }
        let length = Int(announcedLength)
        guard buffer.writerIndex - start >= length + 2 else { return .incomplete }
        guard buffer.getInteger(at: start + length, as: UInt16.self) == 0x0D0A else { throw .missingTerminator }
        guard let bytes = buffer.getSlice(at: start, length: length) else { throw .missingTerminator }
        let value = try RESPDecoder.bulkValue(type, bytes)
        moveOn(to: start + length + 2, &buffer)
        return .value(value)
    }

    private static func bulkValue(_ type: UInt8, _ bytes: ByteBuffer) throws(RESPError) -> RESPValue {
        switch type {
        case UInt8(ascii: "!"):
            return .error(String(decoding: bytes.readableBytesView, as: UTF8.self))
        case UInt8(ascii: "="):
            var bytes = bytes
            guard let format = bytes.readBytes(length: 3), bytes.readInteger(as: UInt8.self) == UInt8(ascii: ":"),
                format.allSatisfy({ $0 < 0x80 })
            else { throw .malformedVerbatim }
            return .verbatim(format: String(decoding: format, as: UTF8.self), bytes.slice())
        default:
            return .bulkString(bytes)
        }
    }

    private mutating func aggregate(
        _ kind: Frame.Kind,
        _ line: Line,
        _ buffer: inout ByteBuffer
    ) throws(RESPError) -> Item {
        guard let count = line.integer(of: buffer) else { throw .malformedLength }
        return try aggregate(kind, count: count, &buffer, next: line.end + 2)
    }

    private mutating func aggregate(
        _ kind: Frame.Kind,
        count: Int64,
        _ buffer: inout ByteBuffer,
        next: Int
    ) throws(RESPError) -> Item {
        if count == -1, kind == .array {
            moveOn(to: next, &buffer)
            return .value(.null)
        }
        guard count >= 0 else { throw .malformedLength }
        guard kind != .push || frames.isEmpty else { throw .nestedPush }
        guard count <= Int64(limits.elements) else { throw .tooManyElements }
        let values = kind == .map || kind == .attribute ? Int(count) * 2 : Int(count)
        guard values <= limits.elements - announced else { throw .tooManyElements }
        guard frames.count < limits.depth else { throw .tooDeep }
        announced += values
        moveOn(to: next, &buffer)
        let frame = Frame(kind: kind, count: values)
        if values == 0 {
            return frame.finished().map { .value($0) } ?? .skipped
        }
        frames.append(frame)
        return .opened
    }

    private mutating func moveOn(to index: Int, _ buffer: inout ByteBuffer) {
        buffer.moveReaderIndex(to: index)
        scanned = 0
    }

    /// What nearly every line is: a type, up to 18 digits, CR, LF. The number, and the index behind the line; nil for all
    /// else, and where a part has not come yet.
    private func plainNumber(_ buffer: ByteBuffer) -> (Int64, next: Int)? {
        buffer.withUnsafeReadableBytes { bytes in
            var value: Int64 = 0
            var index = 1
            let end = min(bytes.count - 1, min(20, limits.lineLength + 2))
            while index < end {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { break }
                value = value &* 10 &+ Int64(digit)
                index += 1
            }
            guard index > 1, index < end, bytes[index] == 0x0D, bytes[index + 1] == 0x0A else { return nil }
            return (value, buffer.readerIndex + index + 2)
        }
    }

    /// The index of the CR that ends the line at the reader index; nil if it has not come yet.
    private mutating func lineEnd(_ buffer: ByteBuffer) throws(RESPError) -> Int? {
        let start = scanned
        let found: Int? = buffer.withUnsafeReadableBytes { bytes in
            var index = start
            while index < bytes.count, bytes[index] != 0x0D { index += 1 }
            return index < bytes.count ? index : nil
        }
        guard let found else {
            scanned = buffer.readableBytes
            // A line is its type, then at most as many bytes as the limit.
            guard scanned <= limits.lineLength + 1 else { throw .lineTooLong }
            return nil
        }
        scanned = found
        guard found <= limits.lineLength + 1 else { throw .lineTooLong }
        let end = buffer.readerIndex + found
        guard let following = buffer.getInteger(at: end + 1, as: UInt8.self) else { return nil }
        guard following == 0x0A else { throw .malformedLine }
        return end
    }
}
