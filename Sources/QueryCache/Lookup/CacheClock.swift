internal import NIOCore

/// Time as the cache sees it.
package protocol CacheClock: Sendable {
    /// Milliseconds since some fixed moment; never goes back.
    var now: Int64 { get }

    /// Microseconds since the same moment, to measure how long PostgreSQL takes.
    var microseconds: Int64 { get }
}

extension CacheClock {
    package var microseconds: Int64 { now.multipliedReportingOverflow(by: 1000).partialValue }
}

/// The system's monotonic clock.
package struct MonotonicCacheClock: CacheClock {
    package init() {}

    package var now: Int64 { Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1_000_000) }
    package var microseconds: Int64 { Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1000) }
}
