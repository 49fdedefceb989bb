import Foundation

/// Requests whose popularity follows Zipf's law: the key of rank k is asked for in proportion to k to the power of
/// `-exponent`. Ranks count from 0 in the trace.
///
/// Drawn by rejection-inversion (Hörmann and Derflinger 1996), which needs no table: invert the integral of the density as
/// if ranks were continuous, round, and draw again in the rare case that rounding left the area under the steps.
struct ZipfTrace {
    private let ranks: Double
    private let exponent: Double
    private let first: Double
    private let last: Double
    private let alwaysAccepted: Double
    private var generator: SplitMix64

    init(ranks: Int, exponent: Double, seed: UInt64) {
        self.ranks = Double(ranks)
        self.exponent = exponent
        first = Self.integral(1.5, exponent) - 1
        last = Self.integral(Double(ranks) + 0.5, exponent)
        alwaysAccepted = 2 - Self.inverse(Self.integral(2.5, exponent) - pow(2, -exponent), exponent)
        generator = SplitMix64(seed: seed)
    }

    mutating func next() -> UInt32 {
        while true {
            let area = last + Double(generator.next() >> 11) * 0x1p-53 * (first - last)
            let continuous = Self.inverse(area, exponent)
            let rank = min(max(continuous.rounded(), 1), ranks)
            if rank - continuous <= alwaysAccepted
                || area >= Self.integral(rank + 0.5, exponent) - pow(rank, -exponent)
            {
                return UInt32(rank) - 1
            }
        }
    }

    private static func integral(_ rank: Double, _ exponent: Double) -> Double {
        (pow(rank, 1 - exponent) - 1) / (1 - exponent)
    }

    private static func inverse(_ area: Double, _ exponent: Double) -> Double {
        pow(1 + area * (1 - exponent), 1 / (1 - exponent))
    }
}
