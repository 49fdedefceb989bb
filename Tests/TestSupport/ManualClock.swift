internal import QueryCache
internal import Synchronization

/// A clock that stands still until it is told to go on.
package final class ManualClock: CacheClock {
    private let time: Atomic<Int64>

    /// - Parameter now: milliseconds.
    package init(now: Int64 = 1_000_000) {
        time = Atomic(now)
    }

    package var now: Int64 { time.load(ordering: .acquiring) }

    package func advance(by milliseconds: Int64) {
        time.add(milliseconds, ordering: .acquiringAndReleasing)
    }
}
