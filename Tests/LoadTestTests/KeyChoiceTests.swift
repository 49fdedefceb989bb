import Foundation
import Testing

@testable import LoadTest

@Suite("Choice of keys")
struct KeyChoiceTests {
    /// Draws, and returns how often each key came.
    private func counts(_ count: Int, _ exponent: Double, draws: Int) -> [Int] {
        let choice = KeyChoice(count: count, exponent: exponent)
        var random = RandomNumbers(seed: 7)
        var counts = [Int](repeating: 0, count: count + 1)
        for _ in 0..<draws { counts[choice.next(&random)] += 1 }
        return counts
    }

    @Test("keys come as often as Zipf's law says", arguments: [0.0, 0.5, 0.99, 1.0, 1.5])
    func followsZipf(exponent: Double) {
        let (count, draws) = (1000, 1_000_000)
        let counts = counts(count, exponent, draws: draws)
        let weights = (1...count).map { 1 / power(Double($0), exponent) }
        let sum = weights.reduce(0, +)
        #expect(counts[0] == 0)
        // Chi-squared over all keys: its mean is the number of keys less one, its deviation about 45.
        let chi = (1...count).reduce(0.0) { chi, key in
            let expected = Double(draws) * weights[key - 1] / sum
            let difference = Double(counts[key]) - expected
            return chi + difference * difference / expected
        }
        #expect(chi < 1300, "\(chi)")
        #expect(chi > 750, "\(chi)")
    }

    @Test("a single key, and many")
    func atTheEdges() {
        #expect(counts(1, 0.99, draws: 1000)[1] == 1000)
        let choice = KeyChoice(count: 1_000_000_000, exponent: 0.99)
        var random = RandomNumbers(seed: 3)
        for _ in 0..<10_000 { #expect((1...1_000_000_000).contains(choice.next(&random))) }
    }

    private func power(_ base: Double, _ exponent: Double) -> Double {
        pow(base, exponent)
    }
}
