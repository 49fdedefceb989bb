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
        // An answer that came within a millisecond is still worth a refresh in its last one.
        let cost = max(Double(cost) / 1000, 1)
        // Beyond twenty times its cost the chance is under one in 400 million: not worth a logarithm.
        guard Double(remaining) < 20 * cost else { return false }
        return -cost * log(1 - random) >= Double(remaining)
    }
}
