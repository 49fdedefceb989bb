package import JSONText
package import NIOCore
package import QueryCache

/// One message of the invalidation channel, which other services publish and read too.
///
/// They know `pattern` (a key, a tag, or a glob over them) and `reason`. The rest is for other proxies. A `pattern` always
/// stands in ours: a reader that takes its absence for "everything" would empty its cache.
package struct InvalidationMessage: Sendable, Equatable {
    package var pattern: String?
    package var reason: String?
    /// Who sent it; nil where it was not a proxy.
    package var origin: String?
    /// Counted by its sender from 1 on, without gaps.
    package var sequence: Int64?
    /// Callers' tags.
    package var tags: [String] = []
    package var tables: [String] = []
    /// Those of the tables of which nothing but rows in these buckets was changed. For proxies; others know the table.
    package var rows: [ExactText: [UInt16]] = [:]
    package var namespaces: [String] = []
    package var everything = false

    package init() {}

    /// Nil where it is not a JSON object, or says nothing that could be dropped.
    package init?(_ payload: ByteBuffer) {
        let parsed = payload.withUnsafeReadableBytes { try? JSONValue(parsing: $0) }
        guard let parsed, case .object = parsed else { return nil }
        pattern = parsed["pattern"]?.string
        reason = parsed["reason"]?.string
        origin = parsed["origin"]?.string
        sequence = parsed["seq"]?.int.map { Int64($0) }
        tags = parsed["tags"]?.strings ?? []
        tables = parsed["tables"]?.strings ?? []
        if origin != nil { rows = parsed["rows"]?.buckets ?? [:] }
        namespaces = parsed["ns"]?.strings ?? []
        everything = parsed["all"]?.bool ?? false
        if pattern == nil && tags.isEmpty && tables.isEmpty && namespaces.isEmpty && !everything { return nil }
    }

    /// What it tells a proxy to drop.
    package var invalidation: Invalidation {
        var invalidation = Invalidation(tags: [], reason: reason)
        if everything { invalidation.tags.insert(.epoch) }
        for tag in tags { invalidation.tags.insert(.user(tag)) }
        invalidation.tags.formUnion(Tag.changes(to: tables.filter { rows[ExactText($0)] == nil }))
        for table in tables {
            guard let buckets = rows[ExactText(table)] else { continue }
            invalidation.tags.formUnion(Tag.changes(to: table, rows: buckets.map { .row(table: table, bucket: $0) }))
        }
        for namespace in namespaces { invalidation.tags.insert(.namespace(namespace)) }
        guard let pattern, pattern != placeholder else { return invalidation }
        if Glob.isPattern(pattern) {
            invalidation.patterns.append(pattern)
        } else {
            invalidation.tags.insert(.user(pattern))
        }
        return invalidation
    }

    /// The pattern of a message that has nothing to say to other services.
    private var placeholder: String {
        everything ? "cistern:all" : "cistern:" + ((tables + namespaces).first ?? "none")
    }

    /// The messages that tell of an invalidation: one for proxies, which hold all of it, and one more for each further
    /// name that other services may know.
    package static func messages(for invalidation: Invalidation) -> [InvalidationMessage] {
        var first = InvalidationMessage()
        first.reason = invalidation.reason
        var changedAsWhole: Set<ExactText> = []
        for tag in invalidation.tags {
            switch tag {
            case .epoch: first.everything = true
            case .table(let name): first.tables.append(name)
            case .wholeTable(let name): changedAsWhole.insert(ExactText(name))
            case .row(let table, let bucket): first.rows[ExactText(table), default: []].append(bucket)
            case .namespace(let name): first.namespaces.append(name)
            case .user(let name): first.tags.append(name)
            case .anyTable: break
            }
        }
        first.rows = first.rows.filter { !changedAsWhole.contains($0.key) }.mapValues { $0.sorted() }
        first.tables.sort()
        first.namespaces.sort()
        first.tags.sort()
        let names = invalidation.patterns + first.tags + invalidation.keys
        first.pattern = names.first ?? first.placeholder
        let others = names.dropFirst().map { name in
            var message = InvalidationMessage()
            message.pattern = name
            message.reason = invalidation.reason
            return message
        }
        return [first] + others
    }

    package var bytes: ByteBuffer {
        var buffer = ByteBuffer(string: "{")
        func member(_ name: String, _ write: () -> Void) {
            if buffer.readableBytes > 1 { buffer.writeStaticString(",") }
            buffer.writeString("\"\(name)\":")
            write()
        }
        if let pattern { member("pattern") { buffer.writeJSONString(pattern) } }
        if let reason { member("reason") { buffer.writeJSONString(reason) } }
        if let origin { member("origin") { buffer.writeJSONString(origin) } }
        if let sequence { member("seq") { buffer.writeDecimal(sequence) } }
        if !tags.isEmpty { member("tags") { buffer.writeJSONStrings(tags) } }
        if !tables.isEmpty { member("tables") { buffer.writeJSONStrings(tables) } }
        if !rows.isEmpty {
            member("rows") {
                buffer.writeStaticString("{")
                for (index, (table, buckets)) in rows.sorted(by: { $0.key.text < $1.key.text }).enumerated() {
                    if index > 0 { buffer.writeStaticString(",") }
                    buffer.writeJSONString(table.text)
                    buffer.writeString(":[\(buckets.map(String.init).joined(separator: ","))]")
                }
                buffer.writeStaticString("}")
            }
        }
        if !namespaces.isEmpty { member("ns") { buffer.writeJSONStrings(namespaces) } }
        if everything { member("all") { buffer.writeStaticString("true") } }
        buffer.writeStaticString("}")
        return buffer
    }
}

extension JSONValue {
    /// Buckets of rows by their table. A table whose buckets make no sense is left out: it counts as changed as a whole.
    fileprivate var buckets: [ExactText: [UInt16]] {
        guard case .object(let members) = self else { return [:] }
        var buckets: [ExactText: [UInt16]] = [:]
        for (table, value) in members {
            guard let elements = value.array else { continue }
            let numbers = elements.compactMap { $0.int.flatMap { UInt16(exactly: $0) } }
            if numbers.count == elements.count, !numbers.isEmpty { buckets[ExactText(table)] = numbers }
        }
        return buckets
    }

    /// An array's strings, or a single string as an array of one.
    fileprivate var strings: [String]? {
        if let string { return [string] }
        return array?.compactMap(\.string)
    }
}
