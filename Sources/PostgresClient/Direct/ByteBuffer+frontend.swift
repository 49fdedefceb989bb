internal import NIOCore

/// Messages to the server, as PostgreSQL's documentation has them ("Message Formats", protocol 3.0). Parameters and results
/// are in text form.
extension ByteBuffer {
    mutating func writeParse(_ name: String, _ sql: String) {
        writeMessage("P") { buffer in
            buffer.writeNullTerminatedString(name)
            buffer.writeNullTerminatedString(sql)
            // The server infers all types.
            buffer.writeInteger(Int16(0))
        }
    }

    mutating func writeDescribe(statement name: String) {
        writeMessage("D") { buffer in
            buffer.writeInteger(UInt8(ascii: "S"))
            buffer.writeNullTerminatedString(name)
        }
    }

    /// Bind to the portal without a name, Execute of it to its end, and a synchronisation point, in one go.
    mutating func writeBindExecuteSync(statement name: String, _ parameters: [String?]) {
        let executeSync: StaticString = "E\u{0}\u{0}\u{0}\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}S\u{0}\u{0}\u{0}\u{4}"
        // Its own four bytes, the two names' ends, and three numbers.
        let length = parameters.reduce(12 + name.utf8.count) { $0 + 4 + ($1?.utf8.count ?? 0) }
        let size = 1 + length + executeSync.utf8CodeUnitCount
        writeWithUnsafeMutableBytes(minimumWritableBytes: size) { room in
            guard let start = room.baseAddress else { return 0 }
            var output = RawOutput(next: start)
            output.write(UInt8(ascii: "B"))
            output.write(bigEndian: Int32(length))
            output.write(0 as UInt8)
            output.write(name)
            output.write(0 as UInt8)
            output.write(bigEndian: 0 as Int16)
            output.write(bigEndian: UInt16(parameters.count))
            for parameter in parameters {
                output.write(bigEndian: parameter.map { Int32($0.utf8.count) } ?? -1)
                if let parameter { output.write(parameter) }
            }
            output.write(bigEndian: 0 as Int16)
            output.write(static: executeSync)
            assert(output.next - start == size)
            return size
        }
    }

    mutating func writeClose(statement name: String) {
        writeMessage("C") { buffer in
            buffer.writeInteger(UInt8(ascii: "S"))
            buffer.writeNullTerminatedString(name)
        }
    }

    private mutating func writeMessage(_ type: Unicode.Scalar, _ body: (inout ByteBuffer) -> Void) {
        writeInteger(UInt8(ascii: type))
        let start = writerIndex
        writeInteger(Int32(0))
        body(&self)
        setInteger(Int32(writerIndex - start), at: start)
    }
}
