import QueryCache

@testable import QueryProxy

/// The channel machines that occur, numbered, so that states that hold one are small and quick to compare. What each makes
/// of an event is worked out once.
final class ChannelMachines {
    enum Event: Hashable {
        /// An invalidation of the one tag, or of everything.
        case heard(from: Int, sequence: Int, everything: Bool)
        case subscribed
        case lost
        case heartbeat(from: Int, number: Int64, sequence: Int, now: Int64)
        case tick(now: Int64)
        /// Redis knows of this proxy.
        case met(Int, now: Int64)
    }

    private struct Question: Hashable {
        var machine: Int
        var event: Event
    }

    /// Milliseconds at which everything happens until everything is at rest.
    static let moment: Int64 = 10_000
    static let controlChannel = "control"
    static let tag = Tag.table("public.t")

    private var machines: [ChannelMachine] = []
    private var numbers: [ChannelMachine: Int] = [:]
    private var answers: [Question: (machine: Int, actions: [ChannelMachine.Action])] = [:]

    static func text(of origin: Int) -> String { "proxy\(origin)" }

    func fresh(for origin: Int) -> Int {
        number(of: ChannelMachine(origin: Self.text(of: origin), controlChannel: Self.controlChannel))
    }

    private func number(of machine: ChannelMachine) -> Int {
        if let number = numbers[machine] { return number }
        machines.append(machine)
        numbers[machine] = machines.count - 1
        return machines.count - 1
    }

    func after(_ event: Event, _ machine: Int) -> (machine: Int, actions: [ChannelMachine.Action]) {
        let question = Question(machine: machine, event: event)
        if let answer = answers[question] { return answer }
        var changed = machines[machine]
        let actions = changed.handle(event)
        let answer = (number(of: changed), actions)
        answers[question] = answer
        return answer
    }
}

extension ChannelMachine {
    fileprivate mutating func handle(_ event: ChannelMachines.Event) -> [Action] {
        let now = ChannelMachines.moment
        switch event {
        case .heard(let origin, let sequence, let everything):
            let invalidation = Invalidation(tags: everything ? [.epoch] : [ChannelMachines.tag])
            var message = InvalidationMessage.messages(for: invalidation)[0]
            message.origin = ChannelMachines.text(of: origin)
            message.sequence = Int64(sequence)
            return received(message.bytes, on: "cache_invalidation", now: now)
        case .subscribed: return subscribed(now: now)
        case .lost: return lost()
        case .heartbeat(let origin, let number, let sequence, let now):
            let beat = ControlMessage.heartbeat(
                origin: ChannelMachines.text(of: origin),
                number: number,
                sequence: Int64(sequence)
            )
            return received(beat.bytes, on: ChannelMachines.controlChannel, now: now)
        case .tick(let now): return tick(now: now)
        case .met(let origin, let now):
            met([ChannelMachines.text(of: origin)], now: now)
            return []
        }
    }
}
