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

    mutating func writeBind(statement name: String, _ parameters: [String?]) {
        writeMessage("B") { buffer in
            buffer.writeNullTerminatedString("")
            buffer.writeNullTerminatedString(name)
            buffer.writeInteger(Int16(0))
            buffer.writeInteger(UInt16(parameters.count))
            for parameter in parameters {
                guard let parameter else {
                    buffer.writeInteger(Int32(-1))
                    continue
                }
                buffer.writeInteger(Int32(parameter.utf8.count))
                buffer.writeString(parameter)
            }
            buffer.writeInteger(Int16(0))
        }
    }

    /// Of the portal without a name, to its end, and a synchronisation point.
    mutating func writeExecuteAndSync() {
        writeStaticString(
            "E\u{0}\u{0}\u{0}\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}S\u{0}\u{0}\u{0}\u{4}"
        )
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
