public import Foundation

extension CisternValue {
    public static func int(_ value: some BinaryInteger) -> CisternValue {
        .number(String(value))
    }

    /// `NaN` and the infinities, which JSON has no numbers for, as the strings that PostgreSQL reads.
    public static func double(_ value: Double) -> CisternValue {
        if value.isNaN { return .string("NaN") }
        if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
        return .number("\(value)")
    }

    public static func decimal(_ value: Decimal) -> CisternValue {
        value.isNaN ? .string("NaN") : .number("\(value)")
    }

    /// ISO 8601 in UTC with microseconds, as PostgreSQL's `timestamptz` keeps them.
    public static func date(_ value: Date) -> CisternValue {
        .string(TimestampText.text(of: value))
    }

    public static func uuid(_ value: UUID) -> CisternValue {
        .string(value.uuidString.lowercased())
    }

    /// The hexadecimal form of `bytea`: `\x48690a`.
    public static func bytes(_ value: Data) -> CisternValue {
        .string(BytesText.text(of: value))
    }

    /// Any value that can be encoded, as JSON.
    ///
    /// - Throws: ``CisternError`` with ``CisternError/Code/encoding``.
    public static func json(_ value: some Encodable) throws(CisternError) -> CisternValue {
        try ValueEncoder.encode(value)
    }

    /// The value where there is one, else null.
    public static func optional<Wrapped>(
        _ value: Wrapped?,
        _ make: (Wrapped) -> CisternValue
    ) -> CisternValue {
        value.map(make) ?? .null
    }
}

extension CisternValue {
    /// Reads the value as a type.
    ///
    /// Numbers become the integer, floating-point, `Decimal` or `String` that was asked for, or an error where they do not
    /// fit: digits are not lost. Dates are ISO 8601, `Data` is PostgreSQL's `\x…`. An object's members are found by the coding
    /// keys' names, else by these in snake case.
    ///
    /// - Throws: ``CisternError`` with ``CisternError/Code/decoding``.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(CisternError) -> Value {
        do {
            return try ValueDecoder.decode(type, from: self, at: [])
        } catch {
            throw CisternError(decoding: error)
        }
    }
}

extension CisternError {
    init(decoding error: any Error) {
        guard let error = error as? DecodingError else {
            self.init(.decoding, "\(error)")
            return
        }
        let (context, what): (DecodingError.Context, String?) =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, nil)
            case .keyNotFound(let key, let context): (context, "there is no \"\(key.stringValue)\"")
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: "\(error)"), nil)
            }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        self.init(.decoding, (path.isEmpty ? "" : "\(path): ") + (what ?? context.debugDescription))
    }
}
