package import NIOCore

/// One line as it came, without its end.
package enum Line: Equatable, Sendable {
    case text(ByteBuffer)
    /// A line over the limit; its bytes are gone.
    case tooLong
}

/// Cuts a stream of bytes into lines ended by `\n` or `\r\n`.
///
/// Invariants: a line that is not whole yet is searched only once, however many pieces it comes in; no more than
/// `maximumLength` bytes of it (and one read) are held. Of a longer line nothing is kept: it is reported once, when the
/// limit is passed, and discarded up to its end. Empty lines are dropped here.
package struct LineDecoder: NIOSingleStepByteToMessageDecoder {
    package typealias InboundOut = Line

    private let maximumLength: Int
    /// Bytes of the unfinished line that are known to hold no line end.
    private var searched = 0
    private var isDiscarding = false

    /// - Parameter maximumLength: in bytes, the line's end not counted.
    package init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    package mutating func decode(buffer: inout ByteBuffer) -> Line? {
        while true {
            guard let length = lengthOfLine(in: buffer) else { return exceedsLimit(&buffer) ? .tooLong : nil }
            searched = 0
            guard var line = buffer.readSlice(length: length) else { return nil }
            buffer.moveReaderIndex(forwardBy: 1)
            if isDiscarding {
                isDiscarding = false
                continue
            }
            line.dropCarriageReturn()
            if line.readableBytes > maximumLength { return .tooLong }
            if line.readableBytes > 0 { return .text(line) }
        }
    }

    /// What stands behind the last line end is a line too: a person's `printf` often has none.
    package mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) -> Line? {
        if let line = decode(buffer: &buffer) { return line }
        guard seenEOF, var rest = buffer.readSlice(length: buffer.readableBytes) else { return nil }
        searched = 0
        rest.dropCarriageReturn()
        if isDiscarding || rest.readableBytes == 0 { return nil }
        return rest.readableBytes > maximumLength ? .tooLong : .text(rest)
    }

    private mutating func lengthOfLine(in buffer: ByteBuffer) -> Int? {
        let found = buffer.withUnsafeReadableBytes { bytes in
            bytes[min(searched, bytes.count)...].firstIndex(of: UInt8(ascii: "\n"))
        }
        if found == nil { searched = buffer.readableBytes }
        return found
    }

    /// Begins to discard when the unfinished line has grown over the limit (a `\r` at its end may still be dropped).
    private mutating func exceedsLimit(_ buffer: inout ByteBuffer) -> Bool {
        guard isDiscarding || buffer.readableBytes > maximumLength + 1 else { return false }
        buffer.moveReaderIndex(to: buffer.writerIndex)
        searched = 0
        if isDiscarding { return false }
        isDiscarding = true
        return true
    }
}

extension ByteBuffer {
    fileprivate mutating func dropCarriageReturn() {
        if readableBytes > 0, getInteger(at: writerIndex - 1, as: UInt8.self) == UInt8(ascii: "\r") {
            moveWriterIndex(to: writerIndex - 1)
        }
    }
}
