internal import CPrefetch
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
    /// The body's bytes, where a hit finds them without touching the buffer's own object. Unsafe for the compiler, since it is a
    /// pointer; sound, since ``body`` keeps the memory, and nothing writes into a buffer that is held here.
    nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer

    init(body: ByteBuffer, askedAt: Int64, expiresAt: Int64, cost: Int64, snapshot: TagSnapshot) {
        self.body = body
        bytes = body.withUnsafeReadableBytes { $0 }
        self.askedAt = askedAt
        self.expiresAt = expiresAt
        self.cost = cost
        self.snapshot = snapshot
    }

    /// The body's bytes; valid while the result lives.
    @inline(__always)
    package func withBody<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result { read(bytes) }

    /// Asks the processor for the body, and for what tells whether it is still valid.
    func prefetchBody() {
        snapshot.prefetch()
        guard let start = bytes.baseAddress else { return }
        // More than a few lines the processor fetches by itself.
        for offset in stride(from: 0, to: min(bytes.count, 512), by: 64) { cistern_prefetch(start + offset) }
    }

    /// Milliseconds until it may no longer be served as fresh under a policy: the shorter of its own TTL and the
    /// policy's, so that a TTL that was lowered shortens what exists.
    func remaining(at now: Int64, _ policy: CachePolicy) -> Int64 {
        min(expiresAt - now, policy.ttl - (now - askedAt))
    }
}
