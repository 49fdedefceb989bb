import NIOCore
import TestSupport
import Testing

@testable import QueryCache
@testable import QueryProxy

/// Any sequence of events, against a model of what memory may hold.
///
/// The model's Redis numbers what it publishes. A message that is not delivered is unheard; memory that was not
/// emptied after an unheard message holds something old, and so does memory from before a subscription.
@Suite struct TrustTests {
    private struct World {
        var machine = ChannelMachine(origin: "me", controlChannel: "control")
        var random: SeededNumbers
        var now: Int64 = 0
        var isSubscribed = false
        /// Something may have gone unheard since memory was last emptied.
        var isOld = true
        var trustedUntil: Int64 = 0
        /// Heartbeats on their way, by when they were sent. Only what was sent under this subscription comes back.
        var underWay: [(number: Int64, sentAt: Int64)] = []
        var peerSequence: Int64 = 0
        /// A message of the peer's was lost, and none has been heard of it since.
        var mutant: (ChannelMachine.Action) -> Bool
        var trusts = 0
        var violations: [String] = []
    }

    /// One step of the world; the machine's actions are carried out as the channel would.
    private func step(_ world: inout World) {
        world.now += Int64.random(in: 0...700, using: &world.random)
        let actions: [ChannelMachine.Action]
        switch Int.random(in: 0..<12, using: &world.random) {
        case 0:
            actions = world.machine.lost()
            world.isSubscribed = false
            world.isOld = true
        case 1, 2:
            // A reader that fell behind sees another subscription without a loss.
            actions = world.machine.subscribed(now: world.now)
            world.isSubscribed = true
            world.isOld = true
            world.underWay = []
        case 3, 4:
            actions = world.machine.tick(now: world.now)
        case 5, 6, 7:
            guard !world.underWay.isEmpty else { return }
            let index = Int.random(in: 0..<world.underWay.count, using: &world.random)
            let number = world.underWay.remove(at: index).number
            actions = hear(.heartbeat(origin: "me", number: number, sequence: 0), &world)
        case 8:
            // A heartbeat that nobody sent, or one played again.
            let number = Int64.random(in: 0...40, using: &world.random)
            if world.underWay.contains(where: { $0.number == number }) { return }
            actions = hear(.heartbeat(origin: "me", number: number, sequence: 0), &world)
            if actions.contains(where: { if case .trust = $0 { true } else { false } }) && !world.isSubscribed {
                world.violations.append("trusted by a heartbeat of nobody's")
            }
        case 9, 10:
            world.peerSequence += 1
            let text = "{\"pattern\":\"x\",\"origin\":\"peer\",\"seq\":\(world.peerSequence)}"
            actions = world.machine.received(ByteBuffer(string: text), on: "channel", now: world.now)
        default:
            actions = hear(.heartbeat(origin: "peer", number: 1, sequence: world.peerSequence), &world)
        }
        carryOut(actions, &world)
    }

    private func hear(_ message: ControlMessage, _ world: inout World) -> [ChannelMachine.Action] {
        world.machine.received(message.bytes, on: "control", now: world.now)
    }

    private func carryOut(_ actions: [ChannelMachine.Action], _ world: inout World) {
        let wasSubscribed = world.isSubscribed
        for action in actions where world.mutant(action) {
            switch action {
            case .dropMemory: if world.isSubscribed { world.isOld = false }
            case .distrust: world.trustedUntil = 0
            case .trust(let time):
                world.trusts += 1
                world.trustedUntil = world.now + time
                if time > ChannelMachine.trustTime { world.violations.append("trusted for \(time) ms") }
            case .sendHeartbeat(let number): world.underWay.append((number, world.now))
            case .apply, .adopt, .filled, .vanished: break
            }
            if !wasSubscribed, action != .distrust { world.violations.append("\(action) while not subscribed") }
        }
        if world.isOld, world.now < world.trustedUntil { world.violations.append("old memory is trusted") }
    }

    private func violations(
        seeds: ClosedRange<UInt64>,
        mutant: @escaping (ChannelMachine.Action) -> Bool
    ) -> (violations: [String], trusts: Int) {
        var violations: [String] = []
        var trusts = 0
        for seed in seeds {
            var world = World(random: SeededNumbers(seed: seed), mutant: mutant)
            for _ in 0..<300 { step(&world) }
            violations += world.violations.map { "seed \(seed): \($0)" }
            trusts += world.trusts
        }
        return (violations, trusts)
    }

    @Test func oldMemoryIsNeverTrusted() {
        let (violations, trusts) = violations(seeds: 1...500) { _ in true }
        #expect(violations.isEmpty, "\(violations.prefix(3))")
        #expect(trusts > 1000)
    }

    /// The model notices both when memory is not emptied and when a loss is not followed by distrust.
    @Test(arguments: [ChannelMachine.Action.dropMemory, .distrust])
    func theModelNoticesWhatIsLeftOut(action: ChannelMachine.Action) {
        #expect(!violations(seeds: 1...50) { $0 != action }.violations.isEmpty)
    }

    /// Every message of a peer's that is lost is noticed at the next word that is heard from it.
    @Test func aLostMessageEmptiesMemory() {
        var random = SeededNumbers(seed: 3)
        for _ in 0..<200 {
            var machine = ChannelMachine(origin: "me", controlChannel: "control")
            _ = machine.subscribed(now: 0)
            var sequence: Int64 = 0
            var isHeard = false
            var owesDrop = false
            for time in Int64(1)..<60 {
                let isHeartbeat = Bool.random(using: &random)
                if !isHeartbeat { sequence += 1 }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    owesDrop = owesDrop || (!isHeartbeat && isHeard)
                    continue
                }
                let actions =
                    isHeartbeat
                    ? machine.received(
                        ControlMessage.heartbeat(origin: "peer", number: 1, sequence: sequence).bytes,
                        on: "control",
                        now: time
                    )
                    : machine.received(
                        ByteBuffer(string: "{\"pattern\":\"x\",\"origin\":\"peer\",\"seq\":\(sequence)}"),
                        on: "channel",
                        now: time
                    )
                #expect(actions.contains(.dropMemory) == owesDrop)
                isHeard = true
                owesDrop = false
            }
        }
    }
}
