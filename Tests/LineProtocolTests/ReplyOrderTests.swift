import Testing

@testable import LineProtocol

@Suite struct ReplyOrderTests {
    @Test func unidentifiedRequestsAreAnsweredInOrder() {
        var order = ReplyOrder<String>()
        let first = order.begin(isOrdered: true)
        let second = order.begin(isOrdered: true)
        let third = order.begin(isOrdered: true)
        #expect(order.inFlight == 3)
        #expect(order.ready(third, with: "3") == [])
        #expect(order.ready(first, with: "1") == ["1"])
        #expect(order.inFlight == 2)
        #expect(order.ready(second, with: "2") == ["2", "3"])
        #expect(order.inFlight == 0)
        #expect(order.isOrderedQueueEmpty)
        let fourth = order.begin(isOrdered: true)
        #expect(order.ready(fourth, with: "4") == ["4"])
    }

    @Test func identifiedRequestsOvertake() {
        var order = ReplyOrder<String>()
        let slow = order.begin(isOrdered: true)
        let quick = order.begin(isOrdered: false)
        #expect(order.ready(quick, with: "quick") == ["quick"])
        #expect(order.inFlight == 1)
        #expect(order.ready(slow, with: "slow") == ["slow"])
    }

    @Test func aReplyThatWaitsForItsTurnStillCounts() {
        var order = ReplyOrder<Int>()
        let first = order.begin(isOrdered: true)
        for number in 1...10 { _ = order.ready(order.begin(isOrdered: true), with: number) }
        #expect(order.inFlight == 11)
        #expect(order.ready(first, with: 0) == Array(0...10))
        #expect(order.inFlight == 0)
    }
}

extension ReplyOrder {
    /// What may go out now, in order.
    fileprivate mutating func ready(_ place: Place, with reply: Reply) -> [Reply] {
        guard let first = complete(place, with: reply) else { return [] }
        var ready = [first]
        while let next = next() { ready.append(next) }
        return ready
    }
}
