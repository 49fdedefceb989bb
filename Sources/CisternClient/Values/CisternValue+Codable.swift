extension CisternValue: Codable {
    /// Reads any value. With other decoders than this library's, numbers pass through `Int64` or `Double`.
    public init(from decoder: any Decoder) throws {
        if let keyed = try? decoder.container(keyedBy: NameKey.self) {
            self = .object(
                try keyed.allKeys.map { Member($0.stringValue, try keyed.decode(CisternValue.self, forKey: $0)) }
            )
            return
        }
        if var unkeyed = try? decoder.unkeyedContainer() {
            var elements: [CisternValue] = []
            while !unkeyed.isAtEnd { elements.append(try unkeyed.decode(CisternValue.self)) }
            self = .array(elements)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let value = try? single.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? single.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? single.decode(Double.self) {
            self = .double(value)
        } else {
            self = .string(try single.decode(String.self))
        }
    }

    /// Writes any value. With other encoders than this library's, numbers pass through `Int64` or `Double`.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var single = encoder.singleValueContainer()
            try single.encodeNil()
        case .bool(let value): try value.encode(to: encoder)
        case .number(let digits):
            if let whole = Int64(digits) {
                try whole.encode(to: encoder)
            } else {
                try (Double(digits) ?? .nan).encode(to: encoder)
            }
        case .string(let text): try text.encode(to: encoder)
        case .array(let elements): try elements.encode(to: encoder)
        case .object(let members):
            var keyed = encoder.container(keyedBy: NameKey.self)
            for member in members { try keyed.encode(member.value, forKey: NameKey(member.name)) }
        }
    }
}

/// A member's name as a coding key.
private struct NameKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) {
        stringValue = name
    }

    init?(stringValue: String) {
        self.init(stringValue)
    }

    init?(intValue: Int) {
        nil
    }
}
