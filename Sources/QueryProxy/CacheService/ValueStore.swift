package import NIOCore
package import QueryCache

/// Where the cache service keeps its values. Lifetimes are in milliseconds, and positive.
package protocol ValueStore: Sendable {
    /// Nil where there is none.
    func value(at key: String) async throws(ValueStoreError) -> StoredValue?

    func store(_ value: ByteBuffer, at key: String, lifetime: Int64) async throws(ValueStoreError)

    /// - Returns: how many of the keys were there.
    func remove(_ keys: [String]) async throws(ValueStoreError) -> Int

    func contains(_ key: String) async throws(ValueStoreError) -> Bool

    /// - Returns: whether the key was there.
    func expire(_ key: String, in lifetime: Int64) async throws(ValueStoreError) -> Bool

    /// Something was invalidated here. Redis is told of it by the shared store, so only a store without Redis acts on it.
    func forget(_ invalidation: Invalidation)
}

/// A value as it is stored, by whomever.
package struct StoredValue: Sendable, Equatable {
    package var bytes: ByteBuffer
    /// Milliseconds that are left; nil for a value that does not expire.
    package var remaining: Int64?

    package init(bytes: ByteBuffer, remaining: Int64?) {
        self.bytes = bytes
        self.remaining = remaining
    }
}

package enum ValueStoreError: Error, Sendable, Equatable {
    /// The store cannot be reached, or refuses to work.
    case unavailable(String)
    /// What is there is no string: another program keeps a list, a hash or the like under that key.
    case otherKind
    /// More than the store may hold, in bytes.
    case tooLarge(limit: Int)
}
