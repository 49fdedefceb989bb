/// A JSON value: a parameter of a statement, a value of a row, or what a key of the cache service holds.
///
/// Literals stand for themselves, so that parameters read like an array: `[42, "café", nil, true]`. Numbers are kept as
/// their digits, and the members of an object in their order.
public enum CisternValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits, as JSON writes a number.
    case number(String)
    case string(String)
    case array([CisternValue])
    case object([Member])

    /// A member of an object.
    public struct Member: Hashable, Sendable {
        public var name: String
        public var value: CisternValue

        public init(_ name: String, _ value: CisternValue) {
            self.name = name
            self.value = value
        }
    }

    /// The first member of that name; nil where there is none, or where this is no object.
    public subscript(name: String) -> CisternValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a string.
    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A number that is whole and fits.
    public var int: Int? {
        if case .number(let digits) = self { Int(digits) } else { nil }
    }

    public var double: Double? {
        if case .number(let digits) = self { Double(digits) } else { nil }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var array: [CisternValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    public var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    public var isNull: Bool { self == .null }
}

extension CisternValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) {
        self = .null
    }

    public init(booleanLiteral value: Bool) {
        self = .bool(value)
    }

    public init(integerLiteral value: Int64) {
        self = .number(String(value))
    }

    public init(floatLiteral value: Double) {
        self = .double(value)
    }

    public init(stringLiteral value: String) {
        self = .string(value)
    }

    public init(arrayLiteral elements: CisternValue...) {
        self = .array(elements)
    }

    public init(dictionaryLiteral elements: (String, CisternValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
