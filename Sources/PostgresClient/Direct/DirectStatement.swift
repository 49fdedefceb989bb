internal import JSONText
internal import NIOCore

/// A statement that is prepared on a direct connection, and how its rows are written.
final class DirectStatement {
    private struct Column {
        let name: String
        let type: UInt32
        var form = JSONForm.text
    }

    let name: String
    private var columns: [Column] = []
    /// All values are written as they come, or in quotation marks.
    private var isPlain = false
    /// What stands before the rows; nil until all types are known.
    private var head: ByteBuffer?
    /// Bytes of the answer before, by which the next one's room is guessed.
    private var lastSize = 256

    init(name: String) {
        self.name = name
    }

    /// Takes a RowDescription.
    ///
    /// - Returns: false where it makes no sense.
    func describe(_ message: UnsafeRawBufferPointer) -> Bool {
        var fields = MessageFields(message)
        guard let count = fields.integer(as: UInt16.self) else { return false }
        var columns: [Column] = []
        for _ in 0..<count {
            // Its table and place there, its type, then the type's size, modifier and format.
            guard let name = fields.string(), fields.bytes(6) != nil, let type = fields.integer(as: UInt32.self),
                fields.bytes(8) != nil
            else { return false }
            columns.append(Column(name: name, type: type))
        }
        self.columns = columns
        return true
    }

    /// A buffer for the rows; nil while a type is not known.
    func body(_ types: TypeCatalogue) -> ByteBuffer? {
        if head == nil { head = makeHead(types) }
        guard let head else { return nil }
        var body = ByteBufferAllocator().buffer(capacity: lastSize + 32)
        body.writeImmutableBuffer(head)
        return body
    }

    private func makeHead(_ types: TypeCatalogue) -> ByteBuffer? {
        guard types.missing(for: columns.map(\.type)).isEmpty else { return nil }
        var head = ByteBuffer(string: "\"columns\":[")
        isPlain = true
        for (index, column) in columns.enumerated() {
            guard let type = types[column.type] else { return nil }
            columns[index].form = type.form
            isPlain = isPlain && type.form.isPlain
            head.writeColumn(column.name, type, isFirst: index == 0)
        }
        head.writeStaticString("],\"rows\":[")
        return head
    }

    /// Writes a DataRow.
    ///
    /// - Returns: how many bytes the answer has now; nil where the row does not fit the columns.
    func write(
        _ message: UnsafeRawBufferPointer,
        isFirst: Bool,
        into body: inout ByteBuffer,
        _ types: TypeCatalogue
    ) -> Int? {
        if isPlain, writePlain(message, isFirst: isFirst, into: &body) { return body.readableBytes }
        var fields = MessageFields(message)
        guard let count = fields.integer(as: UInt16.self), count == columns.count else { return nil }
        if isFirst { body.writeStaticString("[") } else { body.writeStaticString(",[") }
        for index in columns.indices {
            if index > 0 { body.writeStaticString(",") }
            guard let length = fields.integer(as: Int32.self) else { return nil }
            if length < 0 {
                body.writeStaticString("null")
                continue
            }
            guard let value = fields.bytes(Int(length)) else { return nil }
            body.writeValue(value, columns[index].form, types)
        }
        body.writeStaticString("]")
        return body.readableBytes
    }

    /// Writes a row of plain values in one go.
    ///
    /// - Returns: false where one has to be escaped, or the row does not fit the columns; nothing was written then.
    private func writePlain(_ message: UnsafeRawBufferPointer, isFirst: Bool, into body: inout ByteBuffer) -> Bool {
        // A value's length takes four bytes of the message, and five are added to a value at most: a comma, and `false` for
        // `f`, or `null` for nothing.
        let most = message.count + columns.count + 8
        return body.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { room in
            var fields = MessageFields(message)
            guard let count = fields.integer(as: UInt16.self), count == columns.count, let start = room.baseAddress
            else {
                return 0
            }
            var output = RawOutput(next: start)
            if !isFirst { output.write(UInt8(ascii: ",")) }
            output.write(UInt8(ascii: "["))
            for index in columns.indices {
                if index > 0 { output.write(UInt8(ascii: ",")) }
                guard let length = fields.integer(as: Int32.self) else { return 0 }
                if length < 0 {
                    output.write(static: "null")
                } else if let value = fields.bytes(Int(length)), output.write(value, columns[index].form) {
                    continue
                } else {
                    return 0
                }
            }
            output.write(UInt8(ascii: "]"))
            assert(output.next - start <= most)
            return output.next - start
        } > 0
    }

    func finish(_ body: inout ByteBuffer, rows: Int) {
        body.writeRowCount(rows)
        lastSize = min(body.readableBytes, 64 << 10)
    }
}

extension JSONForm {
    fileprivate var isPlain: Bool {
        switch self {
        case .boolean, .number, .date, .text: true
        case .json, .timestamp, .timestampWithTimeZone, .array, .composite, .domain: false
        }
    }
}

extension RawOutput {
    /// As `ByteBuffer.writeValue` does.
    ///
    /// - Returns: false where it has to be escaped.
    @inline(__always)
    mutating func write(_ value: UnsafeRawBufferPointer, _ form: JSONForm) -> Bool {
        switch form {
        case .boolean:
            if value.first == UInt8(ascii: "t") { write(static: "true") } else { write(static: "false") }
            return true
        case .number:
            guard value.isJSONNumber else { return false }
            write(value)
        default:
            guard value.indexOfEscape(from: 0) == value.count else { return false }
            write(UInt8(ascii: "\""))
            write(value)
            write(UInt8(ascii: "\""))
        }
        return true
    }
}
