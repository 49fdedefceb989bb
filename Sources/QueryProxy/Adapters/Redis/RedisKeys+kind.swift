/// What a key in Redis is, by its name.
enum RedisKeyKind: Equatable {
    case entry
    case generation
    /// Leases, marks and registers.
    case bookkeeping
    /// A session, or the index of a user's.
    case session
    /// A value of the cache service: the part before the first colon is its namespace.
    case service(namespace: String)
    case foreign
}

extension RedisKeys {
    func isEntry(_ name: String) -> Bool { kind(of: name) == .entry }

    func kind(of name: String) -> RedisKeyKind {
        guard name.hasPrefix(prefix) else { return .foreign }
        let rest = name.dropFirst(prefix.count)
        if rest.hasPrefix("cistern:e:") { return .entry }
        if rest.hasPrefix("cistern:g:") { return .generation }
        if rest.hasPrefix("cistern:s:") || rest.hasPrefix("cistern:u:") { return .session }
        if rest.hasPrefix("cistern:") { return .bookkeeping }
        guard let colon = rest.firstIndex(of: ":"), colon > rest.startIndex else { return .foreign }
        return .service(namespace: String(rest[..<colon]))
    }
}
