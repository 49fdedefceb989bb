internal import Foundation

/// Reads one value as a scalar type, or says why it does not fit. Nothing is rounded but what is asked for as a
/// floating-point number.
struct ScalarReader {
    let value: CisternValue
    let path: [any CodingKey]

    /// A `Decimal` keeps so many digits.
    private static let decimalDigits = 38

    func bool() throws -> Bool {
        if case .bool(let bool) = value { return bool }
        throw mismatch("a Boolean")
    }

    /// A string's text, or a number's digits.
    func string() throws -> String {
        switch value {
        case .string(let text), .number(let text): return text
        case .null, .bool, .array, .object: throw mismatch("a string")
        }
    }

    func integer<T: FixedWidthInteger>() throws -> T {
        guard case .number(let digits) = value else { throw mismatch("an integer") }
        guard let number = T(digits) else { throw corrupted("\(digits) does not fit \(T.self)") }
        return number
    }

    func double() throws -> Double {
        switch value {
        case .number(let digits):
            if let number = Double(digits) { return number }
            throw corrupted("\(digits) does not fit Double")
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        case .null, .bool, .string, .array, .object: throw mismatch("a number")
        }
    }

    func float() throws -> Float {
        if case .number(let digits) = value, let number = Float(digits) { return number }
        return Float(try double())
    }

    /// Types that have a form of their own in PostgreSQL's JSON; nil for any other.
    func special<T>(_ type: T.Type) throws -> T? {
        switch type {
        case is Decimal.Type: try decimal() as? T
        case is Date.Type: try date() as? T
        case is Data.Type: try data() as? T
        case is URL.Type: try url() as? T
        case is CisternValue.Type: value as? T
        default: nil
        }
    }

    static func isSpecial(_ type: (some Any).Type) -> Bool {
        type is Decimal.Type || type is Date.Type || type is Data.Type || type is URL.Type || type is CisternValue.Type
    }

    private func decimal() throws -> Decimal {
        switch value {
        case .number(let digits):
            let significant = digits.prefix { $0 != "e" && $0 != "E" }.filter(\.isNumber).drop { $0 == "0" }
            guard significant.count <= Self.decimalDigits,
                let number = Decimal(string: digits, locale: Locale(identifier: "en_US_POSIX"))
            else { throw corrupted("\(digits) does not fit Decimal without loss; read it as String") }
            return number
        case .string("NaN"): return .nan
        case .null, .bool, .string, .array, .object: throw mismatch("a number")
        }
    }

    private func date() throws -> Date {
        guard case .string(let text) = value else { throw mismatch("a timestamp or a date") }
        guard let date = TimestampText.date(from: text) else { throw corrupted("\"\(text)\" is no date in ISO 8601") }
        return date
    }

    private func data() throws -> Data {
        guard case .string(let text) = value else { throw mismatch("bytes") }
        guard let data = BytesText.data(from: text) else {
            throw corrupted("neither hexadecimal after \\x nor base 64")
        }
        return data
    }

    private func url() throws -> URL {
        guard case .string(let text) = value else { throw mismatch("a URL") }
        guard let url = URL(string: text) else { throw corrupted("not a URL") }
        return url
    }

    func mismatch(_ expected: String) -> DecodingError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "a Boolean"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        let context = DecodingError.Context(codingPath: path, debugDescription: "expected \(expected), found \(found)")
        if value.isNull { return .valueNotFound(CisternValue.self, context) }
        return .typeMismatch(CisternValue.self, context)
    }

    private func corrupted(_ description: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: path, debugDescription: description))
    }
}

/// The place in an array, for the path in an error.
struct IndexKey: CodingKey {
    let intValue: Int?
    let stringValue: String

    init(_ index: Int) {
        intValue = index
        stringValue = "\(index)"
    }

    init?(intValue: Int) {
        self.init(intValue)
    }

    init?(stringValue: String) {
        guard let index = Int(stringValue) else { return nil }
        self.init(index)
    }
}
