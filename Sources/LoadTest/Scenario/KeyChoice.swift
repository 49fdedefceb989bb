#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Draws keys from `1...count`, the key `k` with a probability in proportion to `1 / k^exponent`; 0 draws all alike.
///
/// Rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from monotone discrete distributions,
/// ACM TOMACS 6(3), 1996): exact for every exponent, without a table, and about one trial a draw. The integral of the
/// density is inverted, and what the steps of the discrete distribution leave over is rejected.
package struct KeyChoice: Sendable {
    package let count: Int
    package let exponent: Double
    private let integralOfFirst: Double
    private let integralOfAll: Double
    private let alwaysAccepted: Double

    /// - Parameters:
    ///   - count: at least 1.
    ///   - exponent: zero or more.
    package init(count: Int, exponent: Double) {
        self.count = count
        self.exponent = exponent
        integralOfFirst = Self.integral(1.5, exponent) - 1
        integralOfAll = Self.integral(Double(count) + 0.5, exponent)
        alwaysAccepted =
            2 - Self.inverse(Self.integral(2.5, exponent) - Self.density(2, exponent), exponent)
    }

    @inline(__always)
    package func next(_ random: inout RandomNumbers) -> Int {
        if exponent == 0 { return 1 + random.next(below: count) }
        while true {
            let area = integralOfAll + random.nextFraction() * (integralOfFirst - integralOfAll)
            let x = Self.inverse(area, exponent)
            let key = min(max(Int(x + 0.5), 1), count)
            if Double(key) - x <= alwaysAccepted
                || area >= Self.integral(Double(key) + 0.5, exponent) - Self.density(Double(key), exponent)
            {
                return key
            }
        }
    }

    private static func density(_ x: Double, _ exponent: Double) -> Double {
        exp(-exponent * log(x))
    }

    /// `(x^(1-e) - 1) / (1-e)`, and `log x` where the exponent is 1.
    private static func integral(_ x: Double, _ exponent: Double) -> Double {
        let logarithm = log(x)
        return expm1Ratio((1 - exponent) * logarithm) * logarithm
    }

    private static func inverse(_ area: Double, _ exponent: Double) -> Double {
        // Rounding must not push it over the edge where the logarithm ends.
        let t = max(area * (1 - exponent), -1)
        return exp(log1pRatio(t) * area)
    }

    /// `expm1(x) / x`, by its series near zero.
    private static func expm1Ratio(_ x: Double) -> Double {
        abs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2 * (1 + x / 3)
    }

    /// `log1p(x) / x`, by its series near zero.
    private static func log1pRatio(_ x: Double) -> Double {
        abs(x) > 1e-8 ? log1p(x) / x : 1 - x * (0.5 - x / 3)
    }
}
