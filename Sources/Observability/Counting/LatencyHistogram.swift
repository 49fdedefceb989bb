/// How long something took, for what happens up to some ten thousand times a second. What happens more often counts in
/// ``StripedCounters``.
package final class LatencyHistogram: Sendable {
    private let cells = StripedCounters(count: LatencyBuckets.count + 1, stripes: 1)

    package init() {}

    /// - Parameter nanoseconds: a time that is not negative.
    package func record(nanoseconds: UInt64) {
        cells.add(1, to: LatencyBuckets.index(of: nanoseconds), stripe: 0)
        cells.add(Int(clamping: nanoseconds), to: LatencyBuckets.count, stripe: 0)
    }

    package var snapshot: LatencySnapshot {
        LatencySnapshot(buckets: (0..<LatencyBuckets.count).map { cells[$0] }, sum: cells[LatencyBuckets.count])
    }
}
