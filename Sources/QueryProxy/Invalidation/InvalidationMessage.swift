internal import JSONText
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
        namespaces = parsed["ns"]?.strings ?? []
        everything = parsed["all"]?.bool ?? false
        if pattern == nil && tags.isEmpty && tables.isEmpty && namespaces.isEmpty && !everything { return nil }
    }

    /// What it tells a proxy to drop.
    package var invalidation: Invalidation {
        var invalidation = Invalidation(tags: [], reason: reason)
        if everything { invalidation.tags.insert(.epoch) }
        for tag in tags { invalidation.tags.insert(.user(tag)) }
        for table in tables { invalidation.tags.insert(.table(table)) }
        for namespace in namespaces { invalidation.tags.insert(.namespace(namespace)) }
        if !tables.isEmpty { invalidation.tags.insert(.anyTable) }
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
        for tag in invalidation.tags {
            switch tag {
            case .epoch: first.everything = true
            case .table(let name): first.tables.append(name)
            case .namespace(let name): first.namespaces.append(name)
            case .user(let name): first.tags.append(name)
            case .anyTable: break
            }
        }
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
        if !namespaces.isEmpty { member("ns") { buffer.writeJSONStrings(namespaces) } }
        if everything { member("all") { buffer.writeStaticString("true") } }
        buffer.writeStaticString("}")
        return buffer
    }
}

extension JSONValue {
    /// An array's strings, or a single string as an array of one.
    fileprivate var strings: [String]? {
        if let string { return [string] }
        return array?.compactMap(\.string)
    }
}
