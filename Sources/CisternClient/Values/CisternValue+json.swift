internal import JSONText
internal import NIOCore

extension CisternValue {
    /// Reads a JSON text.
    ///
    /// - Throws: ``CisternError`` with ``CisternError/Code/decoding`` and the byte where it stops being JSON.
    public init(json text: String) throws(CisternError) {
        try self.init(parsing: ByteBuffer(string: text), failingWith: .decoding)
    }

    /// - Parameter code: of the error about a text that is not JSON.
    init(parsing line: ByteBuffer, failingWith code: CisternError.Code) throws(CisternError) {
        let result = line.withUnsafeReadableBytes { bytes -> Result<CisternValue, CisternError> in
            do throws(JSONError) {
                var reader = JSONReader(bytes)
                let value = try CisternValue(from: &reader)
                try reader.finish()
                return .success(value)
            } catch {
                return .failure(CisternError(code, "not JSON: \(error)"))
            }
        }
        self = try result.get()
    }

    private init(from reader: inout JSONReader) throws(JSONError) {
        switch try reader.peek() {
        case .null:
            try reader.readNull()
            self = .null
        case .boolean: self = .bool(try reader.readBool())
        case .number: self = .number(try reader.readNumber())
        case .string: self = .string(try reader.readString())
        case .array:
            var elements: [CisternValue] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try CisternValue(from: &reader)) }
            self = .array(elements)
        case .object:
            var members: [Member] = []
            try reader.beginObject()
            while let name = try reader.nextKey() { members.append(Member(name, try CisternValue(from: &reader))) }
            self = .object(members)
        }
    }

    /// The value as JSON without spaces; numbers as they were written.
    public var jsonText: String {
        var buffer = ByteBuffer()
        buffer.writeValue(self)
        return String(buffer: buffer)
    }
}

extension ByteBuffer {
    mutating func writeValue(_ value: CisternValue) {
        switch value {
        case .null: writeStaticString("null")
        case .bool(true): writeStaticString("true")
        case .bool(false): writeStaticString("false")
        case .number(let digits): writeString(digits)
        case .string(let text): writeJSONString(text)
        case .array(let elements):
            writeStaticString("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { writeStaticString(",") }
                writeValue(element)
            }
            writeStaticString("]")
        case .object(let members):
            writeStaticString("{")
            for (index, member) in members.enumerated() {
                if index > 0 { writeStaticString(",") }
                writeJSONString(member.name)
                writeStaticString(":")
                writeValue(member.value)
            }
            writeStaticString("}")
        }
    }
}
