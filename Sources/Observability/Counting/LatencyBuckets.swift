/// The buckets of every latency histogram: from a hit in memory, which takes a few microseconds, to a statement that runs
/// into its time limit.
package enum LatencyBuckets {
    /// Upper bounds in nanoseconds, each a value that still belongs to its bucket.
    package static let bounds: [UInt64] = [
        5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
    ]

    /// Those with a bound, and the one for everything beyond.
    package static let count = 22

    /// The bucket of a time in nanoseconds. The fastest answers, of which there are the most, are found first.
    @inline(__always)
    package static func index(of nanoseconds: UInt64) -> Int {
        if nanoseconds <= 5_000 { return 0 }
        if nanoseconds <= 10_000 { return 1 }
        return search(nanoseconds)
    }

    private static func search(_ nanoseconds: UInt64) -> Int {
        var low = 2
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if nanoseconds <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// A histogram's figures at one moment.
package struct LatencySnapshot: Sendable, Equatable {
    /// Not cumulative; in the order of ``LatencyBuckets/bounds``, then those beyond.
    package var buckets: [Int]
    /// In nanoseconds.
    package var sum: Int

    package init(buckets: [Int], sum: Int) {
        self.buckets = buckets
        self.sum = sum
    }

    package var count: Int { buckets.reduce(0, +) }
}
