import Testing

@testable import QueryProxy

@Suite struct LineThrottleTests {
    @Test func aBoundedNumberASecond() {
        var throttle = LineThrottle(limit: 2)
        #expect([0, 0, 0, 0, 1, 1, 1, 5].map { throttle.admit(in: $0) } == [0, 0, nil, nil, 2, 0, nil, 1])
    }

    @Test func nothingIsLostInTheCount() {
        var throttle = LineThrottle(limit: 3)
        var written = 0
        var told = 0
        for number in 0..<1000 {
            guard let heldBack = throttle.admit(in: Int64(number / 100)) else { continue }
            written += 1
            told += heldBack
        }
        #expect(written == 30)
        // Those of the last second are told by the next line.
        #expect(told == 9 * 97)
        #expect(throttle.admit(in: 10) == 97)
    }
}
