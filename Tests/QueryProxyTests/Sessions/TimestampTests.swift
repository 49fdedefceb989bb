import Foundation
import TestSupport
import Testing

@testable import QueryProxy

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_764_031_580_181, "2025-11-25T00:46:20.181Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)]
    )
    func isAsISO8601HasIt(milliseconds: Int64, text: String) {
        #expect(Timestamp.text(milliseconds) == text)
    }

    @Test func agreesWithFoundation() throws {
        var random = SeededNumbers(seed: 5)
        for _ in 0..<2000 {
            let milliseconds = Int64.random(in: 0..<250_000_000_000_000, using: &random)
            let date = try Date(
                Timestamp.text(milliseconds),
                strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            )
            #expect(Int64((date.timeIntervalSince1970 * 1000).rounded()) == milliseconds)
        }
    }
}
