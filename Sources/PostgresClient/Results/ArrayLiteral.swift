internal import JSONText

struct ArrayLiteralError: Error {
    let message: String
}

/// A JSON array as the text form of a PostgreSQL array: `[1,null,["a"]]` to `{"1",NULL,{"a"}}`.
///
/// Every element is quoted, so that no text of a client's can be read as structure or as NULL. Arrays inside are further
/// dimensions, unless the elements are JSON themselves.
struct ArrayLiteral {
    private(set) var text = ""
    private let elementIsJSON: Bool

    init(json: String, elementIsJSON: Bool) throws(ArrayLiteralError) {
        self.elementIsJSON = elementIsJSON
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: json)
        } catch {
            throw ArrayLiteralError(message: "is not a JSON array: \(error)")
        }
        guard case .array(let elements) = value else { throw ArrayLiteralError(message: "is not a JSON array") }
        try append(elements)
    }

    private mutating func append(_ elements: [JSONValue]) throws(ArrayLiteralError) {
        text += "{"
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            switch element {
            case .null: text += "NULL"
            case .array(let inner) where !elementIsJSON: try append(inner)
            case .string(let string) where !elementIsJSON: try quote(string)
            case .number(let digits) where !elementIsJSON: try quote(digits)
            case .bool(let bool) where !elementIsJSON: try quote(bool ? "true" : "false")
            case .object where !elementIsJSON:
                throw ArrayLiteralError(message: "holds an object, and its elements are not json or jsonb")
            case .array, .string, .number, .bool, .object: try quote(element.jsonText)
            }
        }
        text += "}"
    }

    private mutating func quote(_ string: String) throws(ArrayLiteralError) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\0": throw ArrayLiteralError(message: "holds a NUL character, which PostgreSQL has no text for")
            case "\"", "\\":
                text += "\\"
                text.unicodeScalars.append(scalar)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
