package import NIOCore

/// An answer in this process's memory. Times are milliseconds of the cache's clock.
package final class CachedResult: Sendable {
    package let body: ByteBuffer
    /// When PostgreSQL was asked, or earlier.
    let askedAt: Int64
    /// End of the TTL.
    let expiresAt: Int64
    /// Microseconds that PostgreSQL took.
    let cost: Int64
    /// What was known of its tags before it was read.
    let snapshot: TagSnapshot

    init(body: ByteBuffer, askedAt: Int64, expiresAt: Int64, cost: Int64, snapshot: TagSnapshot) {
        self.body = body
        self.askedAt = askedAt
        self.expiresAt = expiresAt
        self.cost = cost
        self.snapshot = snapshot
    }

    /// Milliseconds until it may no longer be served as fresh under a policy: the shorter of its own TTL and the
    /// policy's, so that a TTL that was lowered shortens what exists.
    func remaining(at now: Int64, _ policy: CachePolicy) -> Int64 {
        min(expiresAt - now, policy.ttl - (now - askedAt))
    }
}
