internal import JSONText
internal import NIOCore

/// Writes values as PostgreSQL's `to_json` does, from the text form that the server sent.
extension ByteBuffer {
    mutating func writeValue(_ text: UnsafeRawBufferPointer, of oid: UInt32, _ types: TypeCatalogue) {
        writeValue(text, types[oid]?.form ?? .text, types)
    }

    mutating func writeValue(_ text: UnsafeRawBufferPointer, _ form: JSONForm, _ types: TypeCatalogue) {
        switch form {
        case .boolean:
            if text.first == UInt8(ascii: "t") { writeStaticString("true") } else { writeStaticString("false") }
        case .number: writeNumber(text)
        case .json: writeEmbeddedJSON(text)
        case .date: writeJSONString(text)
        case .timestamp: writeTimestamp(text, hasZone: false)
        case .timestampWithTimeZone: writeTimestamp(text, hasZone: true)
        case .array(let element, let delimiter):
            var parser = ArrayLiteralParser(text, delimiter: delimiter)
            writeArray(&parser, element, types)
        case .composite(let attributes): writeComposite(text, attributes, types)
        case .domain(let base): writeValue(text, of: base, types)
        case .text: writeJSONString(text)
        }
    }

    private mutating func writeNumber(_ text: UnsafeRawBufferPointer) {
        if text.isJSONNumber { writeBytes(text) } else { writeJSONString(text) }
    }

    /// A stored document may span lines, and an answer is one line. Inside a JSON string a line end is always escaped, so
    /// a raw one is white space.
    private mutating func writeEmbeddedJSON(_ text: UnsafeRawBufferPointer) {
        let start = writerIndex
        writeBytes(text)
        guard text.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return }
        for index in 0..<text.count where text[index] == 0x0A || text[index] == 0x0D {
            setInteger(UInt8(ascii: " "), at: start + index)
        }
    }

    /// `2024-05-01 10:00:00.5+02` to `2024-05-01T10:00:00.5+02:00`, as `to_json` (XSD) has it. Other date styles than ISO,
    /// and infinity, stay as they are.
    private mutating func writeTimestamp(_ text: UnsafeRawBufferPointer, hasZone: Bool) {
        guard let space = text.firstIndex(of: UInt8(ascii: " ")), text.startsWithISODate(endingAt: space) else {
            return writeJSONString(text)
        }
        var bytes = [UInt8](text)
        bytes[space] = UInt8(ascii: "T")
        if hasZone, let sign = bytes[space...].lastIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") })
        {
            var end = sign + 1
            while end < bytes.count, bytes[end] != UInt8(ascii: " ") { end += 1 }
            if end - sign == 3 { bytes.insert(contentsOf: ":00".utf8, at: end) }
        }
        bytes.withUnsafeBytes { writeJSONString($0) }
    }

    // MARK: Arrays and composites

    private mutating func writeArray(_ parser: inout ArrayLiteralParser, _ element: UInt32, _ types: TypeCatalogue) {
        writeStaticString("[")
        var isFirst = true
        // Nesting is at most six deep in PostgreSQL, and written in a loop all the same.
        var depth = 0
        while let token = parser.next() {
            switch token {
            case .open:
                depth += 1
                if depth == 1 { continue }
                if !isFirst { writeStaticString(",") }
                writeStaticString("[")
                isFirst = true
            case .close:
                depth -= 1
                if depth == 0 { break }
                writeStaticString("]")
                isFirst = false
            case .null:
                if !isFirst { writeStaticString(",") }
                writeStaticString("null")
                isFirst = false
            case .value(let bytes):
                if !isFirst { writeStaticString(",") }
                bytes.withUnsafeBytes { writeValue($0, of: element, types) }
                isFirst = false
            }
        }
        writeStaticString("]")
    }

    private mutating func writeComposite(
        _ text: UnsafeRawBufferPointer,
        _ attributes: [JSONForm.Attribute],
        _ types: TypeCatalogue
    ) {
        let fields = compositeFields(text)
        writeStaticString("{")
        for (index, attribute) in attributes.enumerated() {
            if index > 0 { writeStaticString(",") }
            writeJSONString(attribute.name)
            writeStaticString(":")
            if index < fields.count, let field = fields[index] {
                field.withUnsafeBytes { writeValue($0, of: attribute.type, types) }
            } else {
                writeStaticString("null")
            }
        }
        writeStaticString("}")
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes before `end` look like `2024-05-01` (years may have more digits).
    fileprivate func startsWithISODate(endingAt end: Int) -> Bool {
        guard end >= 10, self[end - 3] == UInt8(ascii: "-"), self[end - 6] == UInt8(ascii: "-") else { return false }
        return self[0] &- UInt8(ascii: "0") < 10 && self[end - 1] &- UInt8(ascii: "0") < 10
    }
}

/// Takes an array's text form apart: `{1,NULL,"a \"b\"",{…}}`, with the bounds before it dropped (`[0:1]={…}`).
struct ArrayLiteralParser {
    enum Token: Equatable {
        case open, close, null
        case value([UInt8])
    }

    private let text: UnsafeRawBufferPointer
    private let delimiter: UInt8
    private var index = 0

    init(_ text: UnsafeRawBufferPointer, delimiter: UInt8) {
        self.text = text
        self.delimiter = delimiter
        if text.first == UInt8(ascii: "["), let equals = text.firstIndex(of: UInt8(ascii: "=")) { index = equals + 1 }
    }

    mutating func next() -> Token? {
        while index < text.count {
            switch text[index] {
            case delimiter:
                index += 1
            case UInt8(ascii: "{"):
                index += 1
                return .open
            case UInt8(ascii: "}"):
                index += 1
                return .close
            case UInt8(ascii: "\""):
                return .value(quoted())
            default:
                let start = index
                while index < text.count, text[index] != delimiter, text[index] != UInt8(ascii: "}") { index += 1 }
                let bytes = [UInt8](text[start..<index])
                return bytes.elementsEqual("NULL".utf8) ? .null : .value(bytes)
            }
        }
        return nil
    }

    private mutating func quoted() -> [UInt8] {
        var bytes: [UInt8] = []
        index += 1
        while index < text.count, text[index] != UInt8(ascii: "\"") {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count { index += 1 }
            bytes.append(text[index])
            index += 1
        }
        index += 1
        return bytes
    }
}

/// Takes a row's text form apart: `(1,,"a ""b""")`. Nothing between two commas is NULL.
func compositeFields(_ text: UnsafeRawBufferPointer) -> [[UInt8]?] {
    var fields: [[UInt8]?] = []
    var field: [UInt8]?
    var isQuoted = false
    var index = 1
    while index < text.count {
        let byte = text[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""):
            if isQuoted, index < text.count, text[index] == byte {
                field?.append(byte)
                index += 1
            } else {
                isQuoted.toggle()
                field = field ?? []
            }
        case UInt8(ascii: "\\") where index < text.count:
            field = (field ?? []) + [text[index]]
            index += 1
        case UInt8(ascii: ",") where !isQuoted, UInt8(ascii: ")") where !isQuoted:
            fields.append(field)
            field = nil
        default:
            if field == nil { field = [byte] } else { field?.append(byte) }
        }
    }
    return fields
}

extension UnsafeRawBufferPointer {
    /// Whether a number of PostgreSQL's is one in JSON too, which `NaN` and `Infinity` are not.
    @inline(__always)
    var isJSONNumber: Bool {
        let first = first == UInt8(ascii: "-") ? dropFirst().first : first
        return first.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
    }
}
