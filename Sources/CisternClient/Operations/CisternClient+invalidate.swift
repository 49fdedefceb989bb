extension CisternClient {
    /// Drops what depends on the names given, on every proxy, and publishes it on the invalidation channel.
    ///
    /// - Parameters:
    ///   - tags: names that requests gave their entries.
    ///   - pattern: a glob (`*`, `?`, `[…]`) over tags, and over keys of the cache service.
    ///   - namespaces: all entries of these.
    ///   - tables: entries that read these; a name without a schema is one of `public`.
    ///   - keys: keys of the cache service.
    ///   - everything: every entry.
    ///   - reason: for those who read the channel.
    /// - Returns: false where Redis could not be told; it is told first thing when it is back.
    /// - Throws: ``CisternError``; where nothing is named, ``CisternError/Code/badRequest``.
    @discardableResult
    public func invalidate(
        tags: [String] = [],
        pattern: String? = nil,
        namespaces: [String] = [],
        tables: [String] = [],
        keys: [String] = [],
        everything: Bool = false,
        reason: String? = nil
    ) async throws(CisternError) -> Bool {
        let answer = try await ask("invalidate") { line in
            line.add("tags", tags)
            line.add("pattern", pattern)
            line.add("ns", namespaces)
            line.add("tables", tables)
            line.add("keys", keys)
            if everything { line.add("all", CisternValue.bool(true)) }
            line.add("reason", reason)
        }
        return try answer.object("invalidated").bool("complete")
    }
}
