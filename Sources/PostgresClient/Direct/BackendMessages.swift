internal import NIOCore

/// Takes the server's messages out of what comes from it.
struct BackendMessages {
    private var bytes = ByteBuffer()

    mutating func append(_ more: ByteBuffer) {
        var more = more
        if bytes.readableBytes == 0 {
            bytes = more
        } else {
            bytes.discardReadBytes()
            bytes.writeBuffer(&more)
        }
    }

    /// Calls this with each whole message: its type, and what it says, which is valid during the call.
    ///
    /// - Returns: false where the bytes make no message.
    mutating func takeAll(_ body: (UInt8, UnsafeRawBufferPointer) -> Void) -> Bool {
        let (taken, areSound) = bytes.withUnsafeReadableBytes { bytes in
            var start = 0
            while bytes.count - start >= 5 {
                let length = Int(bytes.integer(at: start + 1, as: Int32.self))
                if length < 4 { return (start, false) }
                if bytes.count - start - 1 < length { break }
                body(bytes[start], UnsafeRawBufferPointer(rebasing: bytes[(start + 5)..<(start + 1 + length)]))
                start += 1 + length
            }
            return (start, true)
        }
        bytes.moveReaderIndex(forwardBy: taken)
        return areSound
    }
}

extension UnsafeRawBufferPointer {
    /// In network order. The bytes must be there.
    @inline(__always)
    fileprivate func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        precondition(offset + MemoryLayout<Value>.size <= count)
        return Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

/// Reads a message's fields one after the other.
struct MessageFields {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Nil where the message has ended.
    mutating func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) -> Value? {
        guard offset + MemoryLayout<Value>.size <= bytes.count else { return nil }
        defer { offset += MemoryLayout<Value>.size }
        return bytes.integer(at: offset, as: Value.self)
    }

    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, offset + count <= bytes.count else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    /// Up to a zero byte.
    mutating func string() -> String? {
        guard let end = bytes[offset...].firstIndex(of: 0) else { return nil }
        defer { offset = end + 1 }
        return String(decoding: bytes[offset..<end], as: UTF8.self)
    }
}
