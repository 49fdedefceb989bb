package import NIOCore

/// What a caller wants of the cache service: plain JSON values under the caller's own keys.
package enum ValueRequest: Sendable, Equatable {
    case get(key: String)
    /// `value` is JSON as it was written; `ttl` in seconds, nil for that of the key's namespace.
    case set(key: String, value: ByteBuffer, ttl: Double?)
    case delete(keys: [String])
    case exists(key: String)
    /// `ttl` in seconds.
    case expire(key: String, ttl: Double)
}
