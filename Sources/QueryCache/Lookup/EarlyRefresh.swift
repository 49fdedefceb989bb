internal import Foundation

/// Whether a hot answer is refreshed before it expires, so that no request waits when it does.
///
/// XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015): refresh when
/// `-cost · ln(random)` reaches past what is left, so the more likely the nearer the end and the dearer the query. With
/// many readers about one of them does it, a little before the end.
enum EarlyRefresh {
    /// - Parameters:
    ///   - remaining: milliseconds.
    ///   - cost: microseconds.
    static func isDue(remaining: Int64, cost: Int64, random: Double = .random(in: 0..<1)) -> Bool {
        guard isPossible(remaining: remaining, cost: cost) else { return false }
        return -milliseconds(cost) * log(1 - random) >= Double(remaining)
    }

    /// Beyond twenty times its cost the chance is under one in 400 million: not worth a logarithm.
    static func isPossible(remaining: Int64, cost: Int64) -> Bool {
        Double(remaining) < 20 * milliseconds(cost)
    }

    /// An answer that came within a millisecond is still worth a refresh in its last one.
    private static func milliseconds(_ cost: Int64) -> Double { max(Double(cost) / 1000, 1) }
}
