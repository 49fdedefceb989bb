/// Where something stands in a text, from 1; columns count Unicode scalars.
struct SourcePosition: Sendable, Equatable, Comparable {
    var line = 1
    var column = 1

    static func < (first: SourcePosition, second: SourcePosition) -> Bool {
        (first.line, first.column) < (second.line, second.column)
    }
}

/// A value of a TOML document, and where it stands. A table made by its header stands where the header's name does.
struct TOMLNode: Sendable, Equatable {
    enum Value: Sendable, Equatable {
        case string(String)
        case integer(Int)
        case float(Double)
        case boolean(Bool)
        case array([TOMLNode])
        case table([TOMLEntry])
        /// Dates and times, which no key takes.
        case other

        /// With its article, for messages.
        var kind: String {
            switch self {
            case .string: "a string"
            case .integer: "a whole number"
            case .float: "a number with a fraction"
            case .boolean: "true or false"
            case .array: "a list"
            case .table: "a table"
            case .other: "a date or time"
            }
        }
    }

    var value: Value
    var position: SourcePosition
}

struct TOMLEntry: Sendable, Equatable {
    var key: String
    var keyPosition: SourcePosition
    var node: TOMLNode
}
