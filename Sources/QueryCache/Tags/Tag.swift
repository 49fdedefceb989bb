/// What an entry depends on. When a tag is invalidated, every entry that carries it is stale.
package enum Tag: Hashable, Sendable {
    /// Everything.
    case epoch
    /// A table by its qualified name; partitions by their root's. Renewed with every write to it.
    case table(String)
    /// A table as a whole: renewed with every write of which is not known that it changes single rows alone. Carried, with
    /// ``row(table:bucket:)``, by entries that depend on single rows, in place of ``table(_:)``.
    case wholeTable(String)
    /// The rows of a table whose keys fall into one of ``rowBuckets`` buckets.
    case row(table: String, bucket: UInt16)
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
        case .wholeTable(let name): "w:" + name
        case .row(let table, let bucket): "r:\(bucket):" + table
        case .namespace(let name): "n:" + name
        case .user(let name): "u:" + name
        }
    }

    // By bytes: Swift's strings are equal when they are canonically equivalent, which is not so in Redis.

    package static func == (left: Tag, right: Tag) -> Bool {
        switch (left, right) {
        case (.epoch, .epoch), (.anyTable, .anyTable): true
        case (.table(let one), .table(let other)), (.wholeTable(let one), .wholeTable(let other)),
            (.namespace(let one), .namespace(let other)), (.user(let one), .user(let other)):
            one.utf8.elementsEqual(other.utf8)
        case (.row(let one, let bucket), .row(let other, let otherBucket)):
            bucket == otherBucket && one.utf8.elementsEqual(other.utf8)
        case (.epoch, _), (.anyTable, _), (.table, _), (.wholeTable, _), (.row, _), (.namespace, _), (.user, _): false
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
        case .wholeTable(let name):
            hasher.combine(3)
            text = name
        case .row(let table, let bucket):
            hasher.combine(4)
            hasher.combine(bucket)
            text = table
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
        case "w:": self = .wholeTable(rest)
        case "r:":
            let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let bucket = UInt16(parts[0]) else { return nil }
            self = .row(table: String(parts[1]), bucket: bucket)
        case "n:": self = .namespace(rest)
        case "u:": self = .user(rest)
        default: return nil
        }
    }
}

extension Tag {
    /// Rows are told apart by so many buckets for each table, so that what is kept of them is bounded. Rows that share one
    /// are stale together.
    package static let rowBuckets = 1 << 16

    /// The tag of the rows with a key.
    ///
    /// - Parameter key: the same text for equal keys. Its UTF-8 is hashed by FNV-1a, with the last step of SplitMix64, which spreads short
    ///   keys over the low bits. Every proxy must come to the same bucket.
    package static func row(table: String, key: String) -> Tag {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return .row(table: table, bucket: UInt16(truncatingIfNeeded: hash ^ hash >> 31))
    }

    /// What is stale when tables were changed, nobody knows where.
    package static func changes(to tables: some Sequence<String>) -> Set<Tag> {
        var tags: Set<Tag> = []
        for table in tables { tags.formUnion([.table(table), .wholeTable(table), .anyTable]) }
        return tags
    }

    /// What is stale when nothing of a table was changed but the rows with these tags.
    package static func changes(to table: String, rows: some Sequence<Tag>) -> Set<Tag> {
        Set(rows).union([.table(table), .anyTable])
    }
}
