internal import NIOCore

/// The life of one connection that is subscribed, decided without touching it.
///
/// - Messages are told only after all channels have been confirmed.
/// - While nothing comes, the server is asked for a sign of life: a connection that lost its way ends within the idle time
///   and the time-out together.
struct SubscriptionMachine: ~Copyable {
    enum Action: Equatable {
        case none
        case send([RedisCommand])
        case subscribed(RedisServerIdentity)
        case message(channel: String, ByteBuffer)
        case close(RedisError)
    }

    private enum State {
        case handshaking(RedisHandshake)
        /// The channels that are not confirmed yet.
        case subscribing(Set<String>, RedisServerIdentity)
        case subscribed
        case closed
    }

    private let channels: [String]
    private let timeout: TimeAmount
    private let idle: TimeAmount
    private var state: State
    private var lastHeard: NIODeadline?
    private var askedAt: NIODeadline?

    /// - Parameters:
    ///   - timeout: how long the server may leave a question unanswered.
    ///   - idle: how long nothing may come before the server is asked.
    init(channels: [String], handshake: RedisHandshake, timeout: TimeAmount, idle: TimeAmount = .seconds(1)) {
        self.channels = channels
        self.timeout = timeout
        self.idle = idle
        self.state = .handshaking(handshake)
    }

    mutating func activated(now: NIODeadline) -> Action {
        guard case .handshaking(var handshake) = state else { return .none }
        lastHeard = now
        let action = handshake.start()
        state = .handshaking(handshake)
        if case .send(let commands) = action { return .send(commands) }
        return .none
    }

    mutating func received(_ value: RESPValue, now: NIODeadline) -> Action {
        lastHeard = now
        askedAt = nil
        switch state {
        case .handshaking(var handshake):
            if case .push = value { return .none }
            let action = handshake.received(value)
            state = .handshaking(handshake)
            return carryOn(action)
        case .subscribing(var missing, let identity):
            switch SubscriptionMachine.reading(value) {
            case .confirmation(let channel):
                missing.remove(channel)
                guard missing.isEmpty else {
                    state = .subscribing(missing, identity)
                    return .none
                }
                state = .subscribed
                return .subscribed(identity)
            case .ended(let reason): return close(reason)
            case .message, .other: return .none
            }
        case .subscribed:
            switch SubscriptionMachine.reading(value) {
            case .message(let channel, let payload): return .message(channel: channel, payload)
            // A user who may not PING is answered with this, and that is a sign of life too.
            case .ended(let reason) where reason.message.hasPrefix("NOPERM"): return .none
            case .ended(let reason): return close(reason)
            case .confirmation, .other: return .none
            }
        case .closed:
            return .none
        }
    }

    /// To be called every now and then, at least twice within the idle time.
    mutating func tick(now: NIODeadline) -> Action {
        switch state {
        case .handshaking, .closed:
            return .none
        case .subscribing:
            // SUBSCRIBE itself is the question, and each confirmation leaves the rest of it open.
            guard let lastHeard, now - lastHeard >= timeout else { return .none }
            return close(.noAnswer)
        case .subscribed:
            if let askedAt {
                return now - askedAt >= timeout ? close(.noAnswer) : .none
            }
            guard let lastHeard, now - lastHeard >= idle else { return .none }
            askedAt = now
            return .send([RedisCommand("PING")])
        }
    }

    mutating func handshakeTimedOut() -> Action {
        guard case .handshaking = state else { return .none }
        return close(.notReadyInTime)
    }

    mutating func close(_ reason: RedisError) -> Action {
        if case .closed = state { return .none }
        state = .closed
        return .close(reason)
    }

    private mutating func carryOn(_ action: RedisHandshake.Action) -> Action {
        switch action {
        case .send(let commands):
            return .send(commands)
        case .wait:
            return .none
        case .fail(let error):
            return close(error)
        case .complete(let identity):
            state = .subscribing(Set(channels), identity)
            return .send([RedisCommand(parts: ["SUBSCRIBE"] + channels)])
        }
    }

    // MARK: What a value says

    private enum Reading {
        case confirmation(String)
        case message(String, ByteBuffer)
        case ended(RedisError)
        case other
    }

    /// RESP3 pushes and RESP2 arrays say the same in the same places.
    private static func reading(_ value: RESPValue) -> Reading {
        if let message = value.errorMessage { return .ended(RedisError(code: .server, message: message)) }
        guard let parts = value.elements, parts.count >= 2, let kind = parts[0].string else { return .other }
        switch kind {
        case "message":
            guard parts.count == 3, let channel = parts[1].string, let payload = parts[2].bytes else { return .other }
            return .message(channel, payload)
        case "subscribe":
            return parts[1].string.map { .confirmation($0) } ?? .other
        case "unsubscribe":
            return .ended(RedisError(code: .unavailable, message: "Redis ended the subscription"))
        default:
            return .other
        }
    }
}
