internal import NIOCore

/// Time as the cache sees it.
package protocol CacheClock: Sendable {
    /// Milliseconds since some fixed moment; never goes back.
    var now: Int64 { get }
}

/// The system's monotonic clock.
package struct MonotonicCacheClock: CacheClock {
    package init() {}

    package var now: Int64 { Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
