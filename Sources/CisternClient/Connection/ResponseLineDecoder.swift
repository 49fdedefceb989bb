internal import NIOCore

/// Cuts what the server sends into lines, without their ends.
struct ResponseLineDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    /// Bytes.
    let maximumLength: Int
    /// Bytes that are known to hold no line end.
    private var searched = 0

    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// - Throws: ``CisternError`` when a line is too long.
    mutating func decode(buffer: inout ByteBuffer) throws -> ByteBuffer? {
        let start = searched
        let found = buffer.withUnsafeReadableBytes { $0[min(start, $0.count)...].firstIndex(of: UInt8(ascii: "\n")) }
        if (found ?? buffer.readableBytes) > maximumLength {
            throw CisternError.bad("is longer than \(maximumLength) bytes")
        }
        guard let found, let line = buffer.readSlice(length: found) else {
            searched = buffer.readableBytes
            return nil
        }
        buffer.moveReaderIndex(forwardBy: 1)
        searched = 0
        return line
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ByteBuffer? {
        try decode(buffer: &buffer)
    }
}
