import NIOCore
import Testing

@testable import QueryCache
@testable import QueryProxy

/// Transcripts: events, and what is to be done at each.
@Suite struct ChannelMachineTests {
    private static let channel = "cache_invalidation"
    private static let control = "cistern:control"

    private var machine = ChannelMachine(origin: "me", controlChannel: Self.control)

    private mutating func hear(_ message: ControlMessage, at now: Int64) -> [ChannelMachine.Action] {
        machine.received(message.bytes, on: Self.control, now: now)
    }

    private mutating func hear(_ text: String, at now: Int64) -> [ChannelMachine.Action] {
        machine.received(ByteBuffer(string: text), on: Self.channel, now: now)
    }

    private mutating func heartbeat(_ origin: String, _ sequence: Int64, at now: Int64) -> [ChannelMachine.Action] {
        hear(.heartbeat(origin: origin, number: 1, sequence: sequence), at: now)
    }

    private static func message(_ origin: String, _ sequence: Int64) -> String {
        "{\"pattern\":\"product:42\",\"origin\":\"\(origin)\",\"seq\":\(sequence)}"
    }

    private static let apply = ChannelMachine.Action.apply(Invalidation(tags: [.user("product:42")]))

    @Test mutating func memoryIsEmptiedBeforeItIsTrusted() {
        #expect(machine.subscribed(now: 100) == [.dropMemory, .sendHeartbeat(1)])
        #expect(hear(.heartbeat(origin: "me", number: 1, sequence: 0), at: 130) == [.trust(for: 2970)])
        #expect(machine.delay == 30)
        #expect(machine.tick(now: 1100) == [.sendHeartbeat(2)])
        #expect(hear(.heartbeat(origin: "me", number: 2, sequence: 0), at: 3100) == [.trust(for: 1000)])
    }

    @Test mutating func aloneIsWhoHasAskedAndHearsNobody() {
        #expect(!machine.isAlone)
        _ = machine.subscribed(now: 0)
        #expect(!machine.isAlone, "nobody has told yet who runs")
        machine.met([], now: 1)
        #expect(!machine.isAlone, "Redis could not be asked")
        machine.met(["me"], now: 2)
        #expect(machine.isAlone)
        _ = heartbeat("other", 0, at: 10)
        #expect(!machine.isAlone)
        _ = hear(.goodbye(origin: "other"), at: 20)
        #expect(machine.isAlone)
        machine.met(["me", "third"], now: 30)
        #expect(!machine.isAlone)
        _ = hear(.goodbye(origin: "third"), at: 40)
        _ = machine.lost()
        #expect(!machine.isAlone)
        _ = machine.subscribed(now: 50)
        #expect(!machine.isAlone)
    }

    @Test mutating func aHeartbeatCountsOnce() {
        _ = machine.subscribed(now: 0)
        let beat = ControlMessage.heartbeat(origin: "me", number: 1, sequence: 0)
        #expect(hear(beat, at: 10) == [.trust(for: 2990)])
        // Somebody plays it again, or makes one up.
        #expect(hear(beat, at: 2000).isEmpty)
        #expect(hear(.heartbeat(origin: "me", number: 99, sequence: 0), at: 2000).isEmpty)
    }

    @Test mutating func anEchoThatTookTooLongProvesNothing() {
        _ = machine.subscribed(now: 0)
        for time in stride(from: Int64(1000), through: 5000, by: 1000) { _ = machine.tick(now: time) }
        #expect(hear(.heartbeat(origin: "me", number: 1, sequence: 0), at: 5001).isEmpty)
    }

    @Test mutating func nothingIsActedOnWhileNotSubscribed() {
        #expect(hear(Self.message("peer", 1), at: 0).isEmpty)
        #expect(hear("{\"pattern\":\"x\"}", at: 0).isEmpty)
        #expect(machine.tick(now: 0).isEmpty)
        _ = machine.subscribed(now: 10)
        #expect(machine.lost() == [.distrust])
        #expect(hear(.heartbeat(origin: "me", number: 1, sequence: 0), at: 20).isEmpty)
        #expect(hear(.filled("k"), at: 20).isEmpty)
        #expect(hear(Self.message("peer", 1), at: 20).isEmpty)
        #expect(machine.tick(now: 1000).isEmpty)
    }

    @Test mutating func aHeartbeatFromBeforeTheSubscriptionProvesNothing() {
        _ = machine.subscribed(now: 0)
        _ = machine.tick(now: 1000)
        _ = machine.lost()
        #expect(machine.subscribed(now: 1500) == [.dropMemory, .sendHeartbeat(3)])
        #expect(hear(.heartbeat(origin: "me", number: 2, sequence: 0), at: 1510).isEmpty)
        #expect(hear(.heartbeat(origin: "me", number: 3, sequence: 0), at: 1510) == [.trust(for: 2990)])
    }

    @Test mutating func ownMessagesAreKnownAlready() {
        _ = machine.subscribed(now: 0)
        #expect(hear(Self.message("me", 7), at: 1).isEmpty)
        #expect(hear(Self.message("me", 70), at: 1).isEmpty)
        #expect(machine.gaps == 0)
    }

    @Test mutating func aPeersMessagesAreApplied() {
        _ = machine.subscribed(now: 0)
        // The first that is heard of a peer may have any number.
        #expect(hear(Self.message("peer", 5), at: 1) == [Self.apply])
        #expect(hear(Self.message("peer", 6), at: 2) == [Self.apply])
        #expect(heartbeat("peer", 6, at: 3).isEmpty)
        // A heartbeat may be overtaken by the next message.
        #expect(hear(Self.message("peer", 7), at: 4) == [Self.apply])
        #expect(heartbeat("peer", 6, at: 5).isEmpty)
        #expect(hear(Self.message("peer", 7), at: 6) == [Self.apply])
        #expect(machine.gaps == 0)
    }

    @Test mutating func aGapEmptiesMemoryBeforeTheMessageIsApplied() {
        _ = machine.subscribed(now: 0)
        _ = hear(Self.message("peer", 1), at: 1)
        #expect(hear(Self.message("peer", 3), at: 2) == [.dropMemory, Self.apply])
        // A heartbeat tells of a message that never came.
        #expect(heartbeat("peer", 4, at: 3) == [.dropMemory])
        #expect(heartbeat("peer", 4, at: 4).isEmpty)
        #expect(machine.gaps == 2)
        // Each sender has a count of its own.
        #expect(hear(Self.message("other", 1), at: 5) == [Self.apply])
    }

    @Test mutating func whatWasSentWhileNotSubscribedIsNoGap() {
        _ = machine.subscribed(now: 0)
        _ = hear(Self.message("peer", 1), at: 1)
        _ = machine.lost()
        _ = machine.subscribed(now: 100)
        #expect(hear(Self.message("peer", 9), at: 101) == [Self.apply])
        #expect(hear(Self.message("peer", 11), at: 102) == [.dropMemory, Self.apply])
    }

    @Test(arguments: [Int64.max, .min, -1, 0]) func anyNumberMayCome(number: Int64) {
        var test = self
        _ = test.machine.subscribed(now: 0)
        for _ in 0..<3 {
            _ = test.hear(Self.message("peer", number), at: 1)
            _ = test.heartbeat("peer", number, at: 1)
            _ = test.hear(.heartbeat(origin: "me", number: number, sequence: number), at: 1)
        }
        _ = test.hear(Self.message("peer", .max), at: 2)
        #expect(test.hear(Self.message("peer", .max), at: 3) == [Self.apply])
    }

    @Test mutating func anotherServicesMessageIsAdopted() {
        _ = machine.subscribed(now: 0)
        var invalidation = Invalidation(tags: [.user("product:42")], reason: "price_updated")
        invalidation.isPublished = true
        #expect(hear("{\"pattern\":\"product:42\",\"reason\":\"price_updated\"}", at: 1) == [.adopt(invalidation)])
        var everything = Invalidation(tags: [.epoch])
        everything.isPublished = true
        #expect(hear("{\"all\":true,\"origin\":\"a service with a name\"}", at: 1) == [.adopt(everything)])
    }

    @Test(arguments: ["", "no JSON", "[]", "{}", "{\"reason\":\"r\"}", "{\"pattern\":1}", "{\"pattern\":\"x\""])
    func whatSaysNothingIsCountedAndIgnored(text: String) {
        var test = self
        _ = test.machine.subscribed(now: 0)
        #expect(test.hear(text, at: 1).isEmpty)
        #expect(test.machine.ignored == 1)
        #expect(test.machine.received(ByteBuffer(string: text), on: Self.control, now: 1).isEmpty)
        #expect(test.machine.ignored == 2)
    }

    @Test mutating func fillsArePassedOn() {
        _ = machine.subscribed(now: 0)
        #expect(hear(.filled("key:generation"), at: 1) == [.filled("key:generation")])
    }

    // MARK: Peers that fall silent

    /// Lets time pass with a heartbeat of our own each second, which comes back at once.
    private mutating func pass(_ times: StrideThrough<Int64>) -> [ChannelMachine.Action] {
        var actions: [ChannelMachine.Action] = []
        for time in times {
            for action in machine.tick(now: time) {
                if case .sendHeartbeat(let number) = action {
                    _ = hear(.heartbeat(origin: "me", number: number, sequence: 0), at: time)
                } else {
                    actions.append(action)
                }
            }
        }
        return actions
    }

    @Test mutating func aPeerThatFallsSilentHasVanished() {
        _ = machine.subscribed(now: 0)
        _ = heartbeat("peer", 0, at: 0)
        #expect(pass(stride(from: 1000, through: 3000, by: 1000)).isEmpty)
        #expect(pass(stride(from: 4000, through: 4000, by: 1000)) == [.vanished(origin: "peer")])
        // Once; and should it come back, it is new.
        #expect(pass(stride(from: 5000, through: 9000, by: 1000)).isEmpty)
        #expect(hear(Self.message("peer", 8), at: 9000) == [Self.apply])
    }

    /// Proxies of two caches may share the channel of invalidations (its name has no prefix): they hear each other's messages
    /// and never each other's heartbeats. Neither is company to the other, nor missed; else each would invalidate everything in
    /// the other's stead for ever.
    @Test mutating func aProxyOfAnotherCacheIsHeardAndNotMissed() {
        _ = machine.subscribed(now: 0)
        machine.met(["me"], now: 1)
        #expect(hear(Self.message("stranger", 1), at: 100) == [Self.apply])
        #expect(machine.isAlone)
        #expect(pass(stride(from: 1000, through: 9000, by: 1000)).isEmpty)
        #expect(machine.isAlone && machine.gaps == 0)
        // It may be one of ours that has not been heard yet: what it skips is missed, and from its heartbeat on so is it.
        #expect(hear(Self.message("new", 1), at: 9100) == [Self.apply])
        #expect(heartbeat("new", 2, at: 9200) == [.dropMemory])
        #expect(!machine.isAlone)
        #expect(pass(stride(from: 10_000, through: 13_000, by: 1000)).isEmpty)
        #expect(pass(stride(from: 14_000, through: 14_000, by: 1000)) == [.vanished(origin: "new")])
        #expect(hear(Self.message("entered", 4), at: 14_100) == [Self.apply])
        machine.met(["me", "entered"], now: 14_200)
        #expect(!machine.isAlone)
        #expect(hear(Self.message("entered", 6), at: 14_300) == [.dropMemory, Self.apply])
        #expect(pass(stride(from: 15_000, through: 18_000, by: 1000)).isEmpty)
        #expect(pass(stride(from: 19_000, through: 19_000, by: 1000)) == [.vanished(origin: "entered")])
    }

    @Test mutating func whoeverIsEnteredButNeverHeardHasVanished() {
        _ = machine.subscribed(now: 0)
        machine.met(["me", "dead", "peer"], now: 1000)
        // What is heard of a peer for the first time may have any number.
        #expect(heartbeat("peer", 5, at: 1500).isEmpty)
        for time in stride(from: Int64(2000), through: 4000, by: 1000) {
            #expect(pass(stride(from: time, through: time, by: 1000)).isEmpty)
            machine.met(["me", "dead", "peer"], now: time)
            _ = heartbeat("peer", 5, at: time)
        }
        #expect(pass(stride(from: 5000, through: 5000, by: 1000)) == [.vanished(origin: "dead")])
    }

    @Test mutating func whoeverSaysGoodbyeDoesNotVanish() {
        _ = machine.subscribed(now: 0)
        _ = heartbeat("peer", 0, at: 0)
        #expect(hear(.goodbye(origin: "peer"), at: 500).isEmpty)
        #expect(pass(stride(from: 1000, through: 9000, by: 1000)).isEmpty)
    }

    @Test mutating func nobodyVanishesWhileWeHearNothingAtAll() {
        _ = machine.subscribed(now: 0)
        _ = heartbeat("peer", 0, at: 0)
        // Our own heartbeats do not come back either: it is Redis that is silent.
        for time in stride(from: Int64(1000), through: 20_000, by: 1000) {
            let actions = machine.tick(now: time)
            #expect(actions.count == 1, "\(actions)")
        }
        // It speaks again: the peer gets its time anew only by what it says.
        #expect(pass(stride(from: 21_000, through: 21_000, by: 1000)).isEmpty)
        #expect(pass(stride(from: 22_000, through: 22_000, by: 1000)) == [.vanished(origin: "peer")])
    }

    @Test mutating func peersGetTheirTimeAnewWithASubscription() {
        _ = machine.subscribed(now: 0)
        _ = heartbeat("peer", 0, at: 0)
        _ = machine.lost()
        _ = machine.subscribed(now: 60_000)
        #expect(pass(stride(from: 61_000, through: 63_000, by: 1000)).isEmpty)
        #expect(pass(stride(from: 64_000, through: 64_000, by: 1000)) == [.vanished(origin: "peer")])
    }
}
