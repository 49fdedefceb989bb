internal import Foundation

/// What a keyed container looks its members up in: an object, or a row by its columns' names.
enum ValueMembers {
    case object([CisternValue.Member])
    case row(CisternRow)

    /// The member of the key's name, else of that name in snake case: `basePrice` finds `base_price`.
    func value(for name: String) -> CisternValue? {
        if let value = exactValue(for: name) { return value }
        let snake = Self.snakeCase(name)
        return snake == name ? nil : exactValue(for: snake)
    }

    private func exactValue(for name: String) -> CisternValue? {
        switch self {
        case .object(let members): members.first { $0.name == name }?.value
        case .row(let row): row[name]
        }
    }

    var names: [String] {
        switch self {
        case .object(let members): members.map(\.name)
        case .row(let row): row.columns.map(\.name)
        }
    }

    /// `basePrice` → `base_price`, `organizationID` → `organization_id`.
    static func snakeCase(_ name: String) -> String {
        var words = ""
        let characters = Array(name)
        for (index, character) in characters.enumerated() {
            if character.isUppercase, index > 0 {
                let afterLower = !characters[index - 1].isUppercase
                let beforeLower = index + 1 < characters.count && characters[index + 1].isLowercase
                if (afterLower || beforeLower) && characters[index - 1] != "_" { words += "_" }
            }
            words += character.lowercased()
        }
        return words
    }
}

/// `Decoder` over a value or a row.
struct ValueDecoder: Decoder {
    enum Source {
        case value(CisternValue)
        case row(CisternRow)
    }

    let source: Source
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func decode<T: Decodable>(_ type: T.Type, from value: CisternValue, at path: [any CodingKey]) throws -> T {
        if let special = try ScalarReader(value: value, path: path).special(type) { return special }
        return try T(from: ValueDecoder(source: .value(value), codingPath: path))
    }

    /// - Throws: what `Decodable` types throw.
    static func decode<T: Decodable>(_ type: T.Type, from row: CisternRow) throws -> T {
        if ScalarReader.isSpecial(type) {
            return try decode(type, from: ValueDecoder(source: .row(row), codingPath: []).onlyValue(), at: [])
        }
        return try T(from: ValueDecoder(source: .row(row), codingPath: []))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        switch source {
        case .row(let row):
            return KeyedDecodingContainer(KeyedValues(members: .row(row), codingPath: codingPath))
        case .value(.object(let members)):
            return KeyedDecodingContainer(KeyedValues(members: .object(members), codingPath: codingPath))
        case .value(let value):
            throw mismatch("an object", value)
        }
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        switch source {
        case .row(let row): return UnkeyedValues(elements: row.values, codingPath: codingPath)
        case .value(.array(let elements)): return UnkeyedValues(elements: elements, codingPath: codingPath)
        case .value(let value): throw mismatch("an array", value)
        }
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        SingleValue(value: try onlyValue(), codingPath: codingPath)
    }

    /// The value, or that of the row's only column.
    private func onlyValue() throws -> CisternValue {
        switch source {
        case .value(let value): return value
        case .row(let row):
            if row.values.count == 1 { return row.values[0] }
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "a row of \(row.values.count) columns cannot be read as a single value"
                )
            )
        }
    }

    private func mismatch(_ expected: String, _ value: CisternValue) -> DecodingError {
        ScalarReader(value: value, path: codingPath).mismatch(expected)
    }
}

private struct SingleValue: SingleValueDecodingContainer {
    let value: CisternValue
    let codingPath: [any CodingKey]

    private var scalar: ScalarReader { ScalarReader(value: value, path: codingPath) }

    func decodeNil() -> Bool { value.isNull }
    func decode(_ type: Bool.Type) throws -> Bool { try scalar.bool() }
    func decode(_ type: String.Type) throws -> String { try scalar.string() }
    func decode(_ type: Double.Type) throws -> Double { try scalar.double() }
    func decode(_ type: Float.Type) throws -> Float { try scalar.float() }
    func decode(_ type: Int.Type) throws -> Int { try scalar.integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try scalar.integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try scalar.integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try scalar.integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try scalar.integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try scalar.integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try scalar.integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try scalar.integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try scalar.integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try scalar.integer() }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try ValueDecoder.decode(type, from: value, at: codingPath)
    }
}

private struct KeyedValues<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: ValueMembers
    let codingPath: [any CodingKey]

    var allKeys: [Key] { members.names.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { members.value(for: key.stringValue) != nil }

    private func value(_ key: Key) throws -> CisternValue {
        if let value = members.value(for: key.stringValue) { return value }
        throw DecodingError.keyNotFound(
            key,
            .init(codingPath: codingPath, debugDescription: "there is no \"\(key.stringValue)\"")
        )
    }

    private func decoder(_ key: Key) throws -> ValueDecoder {
        ValueDecoder(source: .value(try value(key)), codingPath: codingPath + [key])
    }

    func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNull }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try ValueDecoder.decode(type, from: try value(key), at: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        ValueDecoder(source: .value(members.value(for: "super") ?? .null), codingPath: codingPath)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

private struct UnkeyedValues: UnkeyedDecodingContainer {
    let elements: [CisternValue]
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0

    init(elements: [CisternValue], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }
    private var path: [any CodingKey] { codingPath + [IndexKey(currentIndex)] }

    private func peek() throws -> CisternValue {
        if !isAtEnd { return elements[currentIndex] }
        throw DecodingError.valueNotFound(
            CisternValue.self,
            .init(codingPath: path, debugDescription: "the array has only \(elements.count) elements")
        )
    }

    private mutating func next() throws -> ValueDecoder {
        let decoder = ValueDecoder(source: .value(try peek()), codingPath: path)
        currentIndex += 1
        return decoder
    }

    mutating func decodeNil() throws -> Bool {
        guard try peek().isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value = try ValueDecoder.decode(type, from: try peek(), at: path)
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}
