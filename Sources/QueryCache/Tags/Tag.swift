/// What an entry depends on. When a tag is invalidated, every entry that carries it is stale.
package enum Tag: Hashable, Sendable {
    /// Everything.
    case epoch
    /// A table by its qualified name; partitions by their root's.
    case table(String)
    /// Every table: of an entry whose reads cannot be told, and renewed with every write.
    case anyTable
    case namespace(String)
    /// A name of the caller's own.
    case user(String)

    /// The tag's name in Redis and in messages. The letter in front keeps a caller's names apart from ours, whatever the
    /// caller chooses.
    package var name: String {
        switch self {
        case .epoch: "e"
        case .anyTable: "a"
        case .table(let name): "t:" + name
        case .namespace(let name): "n:" + name
        case .user(let name): "u:" + name
        }
    }

    // By bytes: Swift's strings are equal when they are canonically equivalent, which is not so in Redis.

    package static func == (left: Tag, right: Tag) -> Bool {
        switch (left, right) {
        case (.epoch, .epoch), (.anyTable, .anyTable): true
        case (.table(let one), .table(let other)), (.namespace(let one), .namespace(let other)),
            (.user(let one), .user(let other)):
            one.utf8.elementsEqual(other.utf8)
        case (.epoch, _), (.anyTable, _), (.table, _), (.namespace, _), (.user, _): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        var text: String
        switch self {
        case .epoch, .anyTable: text = name
        case .table(let name):
            hasher.combine(0)
            text = name
        case .namespace(let name):
            hasher.combine(1)
            text = name
        case .user(let name):
            hasher.combine(2)
            text = name
        }
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    package init?(name: String) {
        if name == "e" {
            self = .epoch
            return
        }
        if name == "a" {
            self = .anyTable
            return
        }
        let rest = String(name.dropFirst(2))
        switch name.prefix(2) {
        case "t:": self = .table(rest)
        case "n:": self = .namespace(rest)
        case "u:": self = .user(rest)
        default: return nil
        }
    }
}
