/// What the cache service says to a key.
public struct CacheLookup<Value: Sendable>: Sendable {
    /// Nil where nothing is stored under the key. (A stored `null` is found: read as an optional type, it is nil too.)
    public let value: Value?
    public let isFound: Bool
    /// What is left until the key ends; nil where it is not found or does not end.
    public let timeToLive: Duration?
    /// Redis is away, so nothing can be found.
    public let isDegraded: Bool
}

/// The cache service: JSON values under the caller's own keys, which carry a namespace (`product:42`). Other services read and
/// write the same keys in Redis with any Redis client.
extension CisternClient {
    /// The value of a key.
    ///
    /// While Redis is away nothing is found, and ``CacheLookup/isDegraded`` says so.
    ///
    /// - Throws: ``CisternError``.
    public func get<Value: Decodable & Sendable>(
        _ key: String,
        as type: Value.Type = Value.self
    ) async throws(CisternError) -> CacheLookup<Value> {
        let answer = try await ask("get") { $0.add("key", key) }
        let isFound = try answer.bool("found")
        return CacheLookup(
            value: isFound ? try (answer.value["value"] ?? .null).decode(type) : nil,
            isFound: isFound,
            // What has no end has -1 left, as Redis says it.
            timeToLive: answer.duration(milliseconds: "ttl_ms").flatMap { $0 < .zero ? nil : $0 },
            isDegraded: answer.optional("degraded")?.bool ?? false
        )
    }

    /// Stores a value under a key.
    ///
    /// - Parameters:
    ///   - key: with its namespace: `product:42`.
    ///   - value: kept as JSON.
    ///   - timeToLive: nil for that of the key's namespace.
    /// - Throws: ``CisternError``; ``CisternError/Code/cacheUnavailable`` while Redis is away.
    public func set(
        _ key: String,
        to value: some Encodable & Sendable,
        timeToLive: Duration? = nil
    ) async throws(CisternError) {
        let json = try CisternValue.json(value)
        _ = try await ask("set") { line in
            line.add("key", key)
            line.add("value", json)
            line.add("ttl", seconds: timeToLive)
        }
    }

    /// Removes keys.
    ///
    /// - Returns: how many there were.
    /// - Throws: ``CisternError``; ``CisternError/Code/cacheUnavailable`` while Redis is away.
    @discardableResult
    public func delete(_ keys: String...) async throws(CisternError) -> Int {
        try await delete(keys)
    }

    @discardableResult
    public func delete(_ keys: [String]) async throws(CisternError) -> Int {
        try await ask("delete") { $0.add("keys", keys) }.int("deleted")
    }

    /// - Throws: ``CisternError``; ``CisternError/Code/cacheUnavailable`` while Redis is away.
    public func exists(_ key: String) async throws(CisternError) -> Bool {
        try await ask("exists") { $0.add("key", key) }.bool("exists")
    }

    /// Sets what is left until a key ends.
    ///
    /// - Returns: false where there is no such key.
    /// - Throws: ``CisternError``; ``CisternError/Code/cacheUnavailable`` while Redis is away.
    @discardableResult
    public func expire(_ key: String, after timeToLive: Duration) async throws(CisternError) -> Bool {
        let answer = try await ask("expire") { line in
            line.add("key", key)
            line.add("ttl", seconds: timeToLive)
        }
        return try answer.bool("updated")
    }
}
