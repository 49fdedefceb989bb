internal import NIOCore

// What keeps the time-out from being paid per request while Redis accepts connections but does not answer.
//
// A server that is away needs no breaker: without a connection a command fails at once. This one is for the server that
// hangs. Redis works on one command at a time, so one command that got no answer in time says that none will get one.
//
//     closed ── a command timed out ──▶ open ── a new connection answered ──▶ closed
//                                        ▲                  │ (only connecting works, again and again)
//                                        └── timed out ── probation ── one command was answered ──▶ closed
//
// Opening is ended by a connection that was made afterwards, and to be made it had to be answered four times or more. When
// commands time out nevertheless, connection after connection (large packets are lost on the way, small ones are not), a
// new connection proves nothing; then one command at a time is let through until one is answered.
//
// - In `open`, no command is sent.
// - In `probation`, at most one command is under way.
package struct CircuitBreaker: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case closed
        case open
        case probation(isTrialUnderWay: Bool)
    }

    enum Permission: Sendable, Equatable {
        case pass
        /// Passes, and its end must be told to `trialEnded`.
        case trial
        case refuse
    }

    /// Time-outs in a row from which on a new connection is not trusted.
    static let probationStrikes = 2
    /// A time-out is forgotten when none followed it for this long.
    static let memory: TimeAmount = .seconds(10)

    private(set) var state = State.closed
    private var strikes = 0
    private var lastStrike: NIODeadline?

    mutating func permit() -> Permission {
        switch state {
        case .closed:
            return .pass
        case .open:
            return .refuse
        case .probation(isTrialUnderWay: true):
            return .refuse
        case .probation(isTrialUnderWay: false):
            state = .probation(isTrialUnderWay: true)
            return .trial
        }
    }

    mutating func timedOut(now: NIODeadline) {
        switch state {
        case .closed, .probation:
            if let lastStrike, now - lastStrike > CircuitBreaker.memory { strikes = 0 }
            strikes += 1
            lastStrike = now
            state = .open
        case .open:
            // Other connections that waited for the same stall.
            lastStrike = now
        }
    }

    /// A connection was made and answered.
    mutating func connected(now: NIODeadline) {
        switch state {
        case .open:
            if let lastStrike, now - lastStrike > CircuitBreaker.memory { strikes = 0 }
            state = strikes < CircuitBreaker.probationStrikes ? .closed : .probation(isTrialUnderWay: false)
        case .closed, .probation:
            break
        }
    }

    mutating func trialEnded(answered: Bool) {
        switch state {
        case .probation(isTrialUnderWay: true):
            if answered {
                strikes = 0
                state = .closed
            } else {
                // Lost for another reason than a time-out, which opens by itself.
                state = .probation(isTrialUnderWay: false)
            }
        case .probation(isTrialUnderWay: false), .closed, .open:
            break
        }
    }
}
