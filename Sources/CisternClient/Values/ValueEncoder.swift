internal import Foundation

/// `Encoder` that makes a ``CisternValue``: members in the order in which they were encoded, numbers with all digits.
struct ValueEncoder: Encoder {
    /// What has been encoded at one place so far.
    final class Node {
        enum Content {
            case nothing
            case value(CisternValue)
            case array([Node])
            case object([(name: String, node: Node)])
        }

        var content = Content.nothing

        var value: CisternValue? {
            switch content {
            case .nothing: nil
            case .value(let value): value
            case .array(let nodes): .array(nodes.map { $0.value ?? .null })
            case .object(let members): .object(members.map { .init($0.name, $0.node.value ?? .null) })
            }
        }

        /// The node of a member; one that was encoded before is replaced.
        func member(_ name: String) -> Node {
            let node = Node()
            guard case .object(var members) = content else {
                content = .object([(name, node)])
                return node
            }
            content = .nothing
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].node = node
            } else {
                members.append((name, node))
            }
            content = .object(members)
            return node
        }

        func element() -> Node {
            let node = Node()
            guard case .array(var nodes) = content else {
                content = .array([node])
                return node
            }
            content = .nothing
            nodes.append(node)
            content = .array(nodes)
            return node
        }
    }

    let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode(_ value: some Encodable) throws(CisternError) -> CisternValue {
        let node = Node()
        do {
            try encode(value, into: node, at: [])
        } catch {
            throw CisternError(.encoding, "\(error)")
        }
        guard let encoded = node.value else { throw CisternError(.encoding, "the value encoded nothing") }
        return encoded
    }

    static func encode<T: Encodable>(_ value: T, into node: Node, at path: [any CodingKey]) throws {
        switch value {
        case let value as CisternValue: node.content = .value(value)
        case let value as Decimal: node.content = .value(.decimal(value))
        case let value as Date: node.content = .value(.date(value))
        case let value as Data: node.content = .value(.bytes(value))
        case let value as URL: node.content = .value(.string(value.absoluteString))
        default: try value.encode(to: ValueEncoder(node: node, codingPath: path))
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .nothing = node.content { node.content = .object([]) }
        return KeyedEncodingContainer(KeyedNodes(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .nothing = node.content { node.content = .array([]) }
        return UnkeyedNodes(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleNode(node: node, codingPath: codingPath)
    }
}

private struct SingleNode: SingleValueEncodingContainer {
    let node: ValueEncoder.Node
    let codingPath: [any CodingKey]

    private func put(_ value: CisternValue) { node.content = .value(value) }

    func encodeNil() { put(.null) }
    func encode(_ value: Bool) { put(.bool(value)) }
    func encode(_ value: String) { put(.string(value)) }
    func encode(_ value: Double) { put(.double(value)) }
    func encode(_ value: Float) { put(value.isFinite ? .number("\(value)") : .double(Double(value))) }
    func encode(_ value: Int) { put(.int(value)) }
    func encode(_ value: Int8) { put(.int(value)) }
    func encode(_ value: Int16) { put(.int(value)) }
    func encode(_ value: Int32) { put(.int(value)) }
    func encode(_ value: Int64) { put(.int(value)) }
    func encode(_ value: UInt) { put(.int(value)) }
    func encode(_ value: UInt8) { put(.int(value)) }
    func encode(_ value: UInt16) { put(.int(value)) }
    func encode(_ value: UInt32) { put(.int(value)) }
    func encode(_ value: UInt64) { put(.int(value)) }

    func encode<T: Encodable>(_ value: T) throws {
        try ValueEncoder.encode(value, into: node, at: codingPath)
    }
}

private struct KeyedNodes<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: ValueEncoder.Node
    let codingPath: [any CodingKey]

    private func encoder(_ key: any CodingKey) -> ValueEncoder {
        ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key])
    }

    func encodeNil(forKey key: Key) { node.member(key.stringValue).content = .value(.null) }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try ValueEncoder.encode(value, into: node.member(key.stringValue), at: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }

    func superEncoder() -> any Encoder {
        ValueEncoder(node: node.member("super"), codingPath: codingPath)
    }

    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
}

private struct UnkeyedNodes: UnkeyedEncodingContainer {
    let node: ValueEncoder.Node
    let codingPath: [any CodingKey]

    var count: Int {
        if case .array(let nodes) = node.content { nodes.count } else { 0 }
    }

    private func next() -> ValueEncoder {
        let path = codingPath + [IndexKey(count)]
        return ValueEncoder(node: node.element(), codingPath: path)
    }

    func encodeNil() { next().node.content = .value(.null) }

    func encode<T: Encodable>(_ value: T) throws {
        let encoder = next()
        try ValueEncoder.encode(value, into: encoder.node, at: encoder.codingPath)
    }

    func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        next().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
    func superEncoder() -> any Encoder { next() }
}
