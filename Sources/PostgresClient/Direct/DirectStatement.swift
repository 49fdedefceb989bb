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
        for (index, column) in columns.enumerated() {
            guard let type = types[column.type] else { return nil }
            columns[index].form = type.form
            head.writeColumn(column.name, type, isFirst: index == 0)
        }
        head.writeStaticString("],\"rows\":[")
        return head
    }

    /// Writes a DataRow.
    ///
    /// - Returns: false where it does not fit the columns.
    func write(
        _ message: UnsafeRawBufferPointer,
        isFirst: Bool,
        into body: inout ByteBuffer,
        _ types: TypeCatalogue
    ) -> Bool {
        var fields = MessageFields(message)
        guard let count = fields.integer(as: UInt16.self), count == columns.count else { return false }
        if isFirst { body.writeStaticString("[") } else { body.writeStaticString(",[") }
        for index in columns.indices {
            if index > 0 { body.writeStaticString(",") }
            guard let length = fields.integer(as: Int32.self) else { return false }
            if length < 0 {
                body.writeStaticString("null")
                continue
            }
            guard let value = fields.bytes(Int(length)) else { return false }
            body.writeValue(value, columns[index].form, types)
        }
        body.writeStaticString("]")
        return true
    }

    func finish(_ body: inout ByteBuffer, rows: Int) {
        body.writeRowCount(rows)
        lastSize = min(body.readableBytes, 64 << 10)
    }
}
