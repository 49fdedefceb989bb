import NIOCore
import Testing

@testable import CisternClient

struct OutstandingRequestsTests {
    private func at(_ seconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .seconds(seconds)
    }

    private func recipient(_ recipient: OutstandingRequests<String>.Recipient) -> String {
        switch recipient {
        case .request(let name): name
        case .probe: "the ping"
        case .nobody: "nobody"
        }
    }

    @Test func answersFindTheirRequestsInAnyOrder() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        for (name, number) in [("a", 1), ("b", 2)] {
            outstanding.sent(name, number: UInt64(number), deadline: at(60), now: at(0))
        }
        outstanding.sent("c", number: nil, deadline: at(60), now: at(0))
        outstanding.sent("d", number: nil, deadline: at(60), now: at(0))
        #expect(recipient(outstanding.received(id: 2, now: at(1))) == "b")
        #expect(recipient(outstanding.received(id: nil, now: at(1))) == "c")
        #expect(recipient(outstanding.received(id: 1, now: at(1))) == "a")
        #expect(recipient(outstanding.received(id: 1, now: at(1))) == "nobody")
        #expect(recipient(outstanding.received(id: nil, now: at(1))) == "d")
        #expect(recipient(outstanding.received(id: nil, now: at(1))) == "nobody")
        #expect(outstanding.count == 0)
    }

    @Test func oneWhoseTimeHasRunOutKeepsItsPlaceUntilItsAnswerComes() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        outstanding.sent("a", number: 1, deadline: at(10), now: at(0))
        outstanding.sent("b", number: 2, deadline: at(20), now: at(0))
        #expect(outstanding.nextDeadline == at(10))
        #expect(outstanding.tick(now: at(9)).expired.isEmpty)
        #expect(outstanding.tick(now: at(10)).expired == ["a"])
        #expect(outstanding.tick(now: at(11)).expired.isEmpty)
        #expect(outstanding.count == 2)
        #expect(recipient(outstanding.received(id: 1, now: at(12))) == "a")
        #expect(outstanding.count == 1)
    }

    @Test func silenceIsAskedAboutAndEndsTheConnection() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        outstanding.sent("a", number: 1, deadline: at(10), now: at(0))
        let tick = outstanding.tick(now: at(10))
        #expect(tick.sendsProbe && !tick.isDead)
        outstanding.probeSent(number: 9, now: at(10))
        #expect(outstanding.nextDeadline == at(15))
        #expect(!outstanding.tick(now: at(14)).isDead)
        #expect(outstanding.tick(now: at(15)).isDead)
    }

    @Test func anythingThatComesShowsThatItIsAlive() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        outstanding.sent("a", number: 1, deadline: at(10), now: at(0))
        outstanding.sent("b", number: 2, deadline: at(60), now: at(0))
        _ = outstanding.tick(now: at(10))
        outstanding.probeSent(number: 9, now: at(10))
        #expect(recipient(outstanding.received(id: 2, now: at(12))) == "b")
        #expect(!outstanding.tick(now: at(15)).isDead)
        #expect(outstanding.nextDeadline == nil)
    }

    @Test func aConnectionThatAnswersOthersIsNotAskedAbout() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        outstanding.sent("a", number: 1, deadline: at(10), now: at(0))
        outstanding.sent("b", number: 2, deadline: at(60), now: at(0))
        _ = outstanding.received(id: 2, now: at(5))
        #expect(!outstanding.tick(now: at(10)).sendsProbe)
    }

    @Test func thePingIsAnsweredToNobody() {
        var outstanding = OutstandingRequests<String>(probeTimeout: .seconds(5))
        outstanding.sent("a", number: 1, deadline: at(10), now: at(0))
        _ = outstanding.tick(now: at(10))
        outstanding.probeSent(number: 9, now: at(10))
        #expect(recipient(outstanding.received(id: 9, now: at(11))) == "the ping")
        #expect(outstanding.nextDeadline == nil)
        #expect(outstanding.removeAll() == ["a"])
    }
}

struct AnswerIDTests {
    @Test(arguments: [
        (#"{"id":17,"ok":true}"#, AnswerID.number(17)), (#"{"id":17}"#, .number(17)),
        (#"  {"ok":true,"id": 17 }"#, .number(17)),
        (#"{"ok":true}"#, .none), (#"{"id":"x","ok":true}"#, .foreign), (#"{"id":1.5,"ok":true}"#, .foreign),
        (#"{"id":18446744073709551615,"ok":true}"#, .number(.max)),
        (#"{"id":18446744073709551616,"ok":true}"#, .foreign),
        (#"{"id":-1,"ok":true}"#, .foreign), ("+PONG", .malformed), (#"{"id":"#, .malformed), (#"{"id":1"#, .malformed),
        ("", .malformed),
        (#"{"rows":[{"id":3}],"id":4}"#, .number(4)),
    ])
    func idsAreRead(line: String, id: AnswerID) {
        #expect(AnswerID(of: ByteBuffer(string: line)) == id)
    }
}
