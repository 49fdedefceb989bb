import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisAvailabilityTests {
    private let start = NIODeadline.uptimeNanoseconds(0)
    private let one = ServerReplies.identity(run: "one")
    private let two = ServerReplies.identity(run: "two")

    private func announcements(_ availability: inout RedisAvailability) -> [String] {
        var texts: [String] = []
        while let announcement = availability.takeAnnouncement() {
            switch announcement {
            case .available(let identity): texts.append("up \(identity.runID)")
            case .unavailable(let reason): texts.append("down: \(reason)")
            }
        }
        return texts
    }

    private func lost(_ message: String = "lost") -> RedisError { RedisError(code: .unavailable, message: message) }

    @Test func itIsUpWhileAConnectionIsReady() {
        var availability = RedisAvailability()
        #expect(!availability.isUp)
        #expect(!availability.hasConnected)
        #expect(availability.connected(slot: 0, identity: one, now: start).isEmpty)
        #expect(availability.connected(slot: 1, identity: one, now: start).isEmpty)
        #expect(availability.isUp)
        availability.disconnected(slot: 0, reason: lost(), now: start)
        #expect(availability.isUp)
        availability.disconnected(slot: 1, reason: lost(), now: start)
        #expect(!availability.isUp)
        #expect(availability.hasConnected)
        #expect(announcements(&availability) == ["up one", "down: lost"])
    }

    @Test func aServerThatIsAwayFromTheStartIsAnnouncedOnce() {
        var availability = RedisAvailability()
        for slot in 0..<3 { availability.disconnected(slot: slot, reason: lost("refused"), now: start) }
        #expect(announcements(&availability) == ["down: refused"])
        _ = availability.connected(slot: 0, identity: one, now: start)
        #expect(announcements(&availability) == ["up one"])
    }

    @Test func anotherServerIsAnnouncedAndTheOldConnectionsAreLeft() {
        var availability = RedisAvailability()
        for slot in 0..<3 { _ = availability.connected(slot: slot, identity: one, now: start) }
        availability.disconnected(slot: 2, reason: lost(), now: start)
        #expect(availability.connected(slot: 2, identity: two, now: start) == [0, 1])
        #expect(availability.identity == two)
        #expect(announcements(&availability) == ["up one", "up two"])
    }

    @Test func aTimeOutTakesItDownAlthoughOthersAreConnected() {
        var availability = RedisAvailability()
        for slot in 0..<2 { _ = availability.connected(slot: slot, identity: one, now: start) }
        availability.disconnected(slot: 0, reason: .noAnswer, now: start)
        #expect(!availability.isUp)
        #expect(availability.permit() == .refuse)
        _ = availability.connected(slot: 0, identity: one, now: start + .seconds(1))
        #expect(availability.isUp)
        #expect(availability.permit() == .pass)
        #expect(announcements(&availability) == ["up one", "down: Redis did not answer in time", "up one"])
    }

    @Test func aTrialThatIsAnsweredEndsProbation() {
        var availability = RedisAvailability()
        for second in 0..<2 {
            _ = availability.connected(slot: 0, identity: one, now: start + .seconds(Int64(second)))
            availability.disconnected(slot: 0, reason: .noAnswer, now: start + .seconds(Int64(second)))
        }
        _ = availability.connected(slot: 0, identity: one, now: start + .seconds(2))
        #expect(availability.isUp)
        #expect(availability.permit() == .trial)
        #expect(availability.permit() == .refuse)
        availability.trialEnded(answered: true)
        #expect(availability.permit() == .pass)
    }

    @Test func aRefusalIsRememberedUntilAConnectionSucceeds() {
        var availability = RedisAvailability()
        let refusal = RedisError(code: .unsupportedServer, message: "too old")
        availability.disconnected(slot: 0, reason: refusal, now: start)
        #expect(availability.refusal == refusal)
        availability.disconnected(slot: 0, reason: lost(), now: start)
        #expect(availability.refusal == refusal)
        _ = availability.connected(slot: 0, identity: one, now: start)
        #expect(availability.refusal == nil)
    }

    @Test func anAlternativeIsAnotherReadyConnection() {
        var availability = RedisAvailability()
        #expect(availability.alternative(to: 0) == nil)
        _ = availability.connected(slot: 0, identity: one, now: start)
        #expect(availability.alternative(to: 0) == nil)
        _ = availability.connected(slot: 2, identity: one, now: start)
        _ = availability.connected(slot: 1, identity: one, now: start)
        #expect(availability.alternative(to: 0) == 1)
        availability.disconnected(slot: 1, reason: lost(), now: start)
        #expect(availability.alternative(to: 0) == 2)
    }
}
