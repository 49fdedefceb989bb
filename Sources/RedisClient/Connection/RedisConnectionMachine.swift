internal import NIOCore

/// The life of one connection for commands, decided without touching it: each event returns what is to be done.
///
/// - Commands are taken in `ready` alone.
/// - After `closed`, nothing changes any more and no event asks for anything.
/// - Every waiter that was taken is handed back exactly once, by a delivery or by a closing.
struct RedisConnectionMachine<Waiter>: ~Copyable {
    private enum State {
        /// Made, and not yet active.
        case initial(RedisHandshake)
        /// Followed by ready, or closed.
        case handshaking(RedisHandshake)
        /// In use. Followed by closed.
        case ready
        case closed(RedisError)
    }

    private var state: State
    /// Empty but in `ready`. It stands beside the state, not in it, so that it is changed in place: taken out of an enum and
    /// put back, it would be copied for each command.
    private var pipeline: RedisPipeline<Waiter>
    private let timeout: TimeAmount

    /// - Parameter timeout: how long a command may go unanswered.
    init(
        handshake: RedisHandshake,
        timeout: TimeAmount,
        limits: RedisPipeline<Waiter>.Limits = RedisPipeline<Waiter>.Limits()
    ) {
        self.state = .initial(handshake)
        self.pipeline = RedisPipeline(limits: limits)
        self.timeout = timeout
    }

    // MARK: Becoming ready

    enum HandshakeAction {
        case none
        case send([RedisCommand])
    }

    mutating func activated() -> HandshakeAction {
        switch state {
        case .initial(var handshake):
            let action = handshake.start()
            state = .handshaking(handshake)
            if case .send(let commands) = action { return .send(commands) }
            return .none
        case .handshaking, .ready, .closed:
            return .none
        }
    }

    // MARK: Commands

    enum SendAction {
        case write
        case refuse(RedisError)
    }

    mutating func send(_ waiter: Waiter, count: Int, bytes: Int, now: NIODeadline) -> SendAction {
        switch state {
        case .initial, .handshaking:
            return .refuse(.notConnected)
        case .ready:
            let isTaken = pipeline.append(waiter, count: count, bytes: bytes, deadline: now + timeout)
            return isTaken ? .write : .refuse(.overloaded)
        case .closed(let reason):
            // What ended the connection happened to others: this command was never sent.
            return .refuse(reason.code == .shuttingDown ? reason : .notConnected)
        }
    }

    // MARK: Replies

    enum ReceiveAction {
        case none
        case send([RedisCommand])
        case ready(RedisServerIdentity)
        case deliver(Waiter, [RESPValue])
        /// Close the connection, and tell each of the waiters why.
        case close(RedisError, [Waiter])
    }

    mutating func received(_ reply: RESPValue) -> ReceiveAction {
        if case .push = reply { return .none }
        switch state {
        case .initial:
            return close(RedisError(code: .protocolViolation, message: "Redis spoke before it was asked"))
        case .handshaking(var handshake):
            let action = handshake.received(reply)
            switch action {
            case .send(let commands):
                state = .handshaking(handshake)
                return .send(commands)
            case .wait:
                state = .handshaking(handshake)
                return .none
            case .complete(let identity):
                state = .ready
                return .ready(identity)
            case .fail(let error):
                state = .closed(error)
                return .close(error, [])
            }
        case .ready:
            switch pipeline.receive(reply) {
            case .partial:
                return .none
            case .complete(let waiter, let replies):
                return .deliver(waiter, replies)
            case .unexpected:
                return close(RedisError(code: .protocolViolation, message: "Redis sent a reply that nobody waits for"))
            }
        case .closed:
            return .none
        }
    }

    mutating func malformed(_ error: RESPError) -> ReceiveAction {
        close(RedisError(code: .protocolViolation, message: "Redis sent what is not RESP: \(error)"))
    }

    // MARK: Time

    enum TimerAction {
        case none
        case rearm(NIODeadline)
        case close(RedisError, [Waiter])
    }

    /// When the oldest command that waits must have been answered.
    var nextDeadline: NIODeadline? {
        switch state {
        case .ready: pipeline.nextDeadline
        case .initial, .handshaking, .closed: nil
        }
    }

    mutating func timerFired(now: NIODeadline) -> TimerAction {
        guard let deadline = nextDeadline else { return .none }
        guard deadline <= now else { return .rearm(deadline) }
        return timerAction(close(.noAnswer))
    }

    /// The connection was not ready by the time that is allowed for becoming so.
    mutating func handshakeTimedOut() -> TimerAction {
        switch state {
        case .initial, .handshaking:
            return timerAction(close(.notReadyInTime))
        case .ready, .closed:
            return .none
        }
    }

    private func timerAction(_ action: ReceiveAction) -> TimerAction {
        if case .close(let error, let waiters) = action { return .close(error, waiters) }
        return .none
    }

    // MARK: The end

    /// Ends the connection for a reason of ours or the peer's. Nothing is to be done if it has ended before.
    mutating func close(_ reason: RedisError) -> ReceiveAction {
        switch state {
        case .initial, .handshaking, .ready:
            state = .closed(reason)
            return .close(reason, pipeline.removeAll())
        case .closed:
            return .none
        }
    }

    var isReady: Bool {
        switch state {
        case .ready: true
        case .initial, .handshaking, .closed: false
        }
    }
}
