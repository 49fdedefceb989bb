internal import NIOCore

/// How long to wait before the next attempt to connect: doubled after each failure up to a cap, and spread over the upper
/// half of that, so that the connections of many processes do not come back at the same instant.
///
/// - A connection that did not live as long as the cap counts as a failure too: a server that accepts and hangs up is
///   not asked more and more often.
/// - Together with the time allowed for one attempt, the cap stays below the two seconds within which a server that has
///   come back is used again.
struct BackOff: Sendable, Equatable {
    var base: TimeAmount = .milliseconds(50)
    var cap: TimeAmount = .milliseconds(750)
    private(set) var failures = 0

    init() {}

    init(base: TimeAmount, cap: TimeAmount) {
        self.base = base
        self.cap = cap
    }

    /// Notes that an attempt failed or that a connection ended, and says how long to wait.
    ///
    /// - Parameters:
    ///   - lifetime: how long the connection was in use; nil if it never was.
    ///   - random: at least 0, less than 1.
    mutating func next(lifetime: TimeAmount?, random: Double) -> TimeAmount {
        if let lifetime, lifetime >= cap { failures = 0 }
        var ceiling = base.nanoseconds
        for _ in 0..<min(failures, 62) where ceiling < cap.nanoseconds { ceiling *= 2 }
        ceiling = min(ceiling, cap.nanoseconds)
        failures += 1
        return .nanoseconds(ceiling / 2 + Int64(Double(ceiling / 2) * random))
    }
}
