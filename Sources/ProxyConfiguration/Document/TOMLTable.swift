/// A table while its document is read, with TOML's rules of what may be added to it.
///
/// `[a.b]` makes `a` in passing, and `[a]` may still follow, once. A table that a dotted key made can only be added to
/// by dotted keys. An inline table is a value: nothing is ever added to it.
final class TOMLTable {
    enum Origin {
        /// Named on the way to another table.
        case passing
        case header
        case dottedKey
    }

    private enum Item {
        case value(TOMLNode)
        case table(TOMLTable)
        /// The elements of `[[name]]`; never empty.
        case elements([TOMLTable])
    }

    private struct Member {
        var key: TOMLKeyPart
        var item: Item
    }

    private var origin: Origin
    private var members: [Member] = []
    private var indices: [String: Int] = [:]

    init(origin: Origin) {
        self.origin = origin
    }

    // MARK: Adding

    /// The table that a header stands for.
    func table(header parts: [TOMLKeyPart], isElement: Bool) throws(TOMLSyntaxError) -> TOMLTable {
        var table = self
        for part in parts.dropLast() { table = try table.passed(part, making: .passing) }
        guard let last = parts.last else { return table }
        let repetition = TOMLSyntaxError("[\(last.name)] is there twice", at: last.position)
        guard let index = table.indices[last.name] else {
            let new = TOMLTable(origin: .header)
            table.append(last, isElement ? .elements([new]) : .table(new))
            return new
        }
        switch table.members[index].item {
        case .elements(let elements) where isElement:
            let new = TOMLTable(origin: .header)
            table.members[index].item = .elements(elements + [new])
            return new
        case .table(let known) where !isElement && known.origin == .passing:
            known.origin = .header
            return known
        case .value, .table, .elements:
            throw repetition
        }
    }

    func insert(_ node: TOMLNode, at parts: [TOMLKeyPart]) throws(TOMLSyntaxError) {
        var table = self
        for part in parts.dropLast() { table = try table.passed(part, making: .dottedKey) }
        guard let last = parts.last else { return }
        guard table.indices[last.name] == nil else {
            throw TOMLSyntaxError("\(last.name) is there twice", at: last.position)
        }
        table.append(last, .value(node))
    }

    /// The table that a part of a name other than the last leads to.
    private func passed(_ part: TOMLKeyPart, making origin: Origin) throws(TOMLSyntaxError) -> TOMLTable {
        guard let index = indices[part.name] else {
            let new = TOMLTable(origin: origin)
            append(part, .table(new))
            return new
        }
        switch members[index].item {
        case .table(let table) where origin == .passing || table.origin == .dottedKey: return table
        case .elements(let elements) where origin == .passing: return elements[elements.count - 1]
        case .value, .table, .elements:
            throw TOMLSyntaxError("\(part.name) is there already and cannot be added to here", at: part.position)
        }
    }

    private func append(_ key: TOMLKeyPart, _ item: Item) {
        indices[key.name] = members.count
        members.append(Member(key: key, item: item))
    }

    // MARK: Reading

    /// In the order in which they are written.
    var entries: [TOMLEntry] {
        members.map { member in
            let position = member.key.position
            let node =
                switch member.item {
                case .value(let node): node
                case .table(let table): TOMLNode(value: .table(table.entries), position: position)
                case .elements(let elements):
                    TOMLNode(
                        value: .array(elements.map { TOMLNode(value: .table($0.entries), position: position) }),
                        position: position
                    )
                }
            return TOMLEntry(key: member.key.name, keyPosition: position, node: node)
        }
    }
}

/// One part of a dotted name.
struct TOMLKeyPart: Equatable {
    var name: String
    var position: SourcePosition
}

struct TOMLSyntaxError: Error, Equatable {
    var message: String
    var position: SourcePosition
    /// The key whose value it is in, with its table; empty when it is in none.
    var key = ""

    init(_ message: String, at position: SourcePosition) {
        self.message = message
        self.position = position
    }
}
