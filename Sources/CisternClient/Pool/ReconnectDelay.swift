internal import NIOCore

/// How long to wait before the next attempt to connect: doubled after each failure up to a cap, and spread over the upper half
/// of that, so that many clients do not come back at the same instant.
struct ReconnectDelay: Sendable {
    let base: TimeAmount
    let cap: TimeAmount
    private var failures = 0

    init(base: TimeAmount = .milliseconds(50), cap: TimeAmount = .seconds(2)) {
        self.base = base
        self.cap = cap
    }

    /// - Parameter random: at least 0, less than 1.
    mutating func next(random: Double) -> TimeAmount {
        var ceiling = base.nanoseconds
        for _ in 0..<min(failures, 62) where ceiling < cap.nanoseconds { ceiling *= 2 }
        ceiling = min(ceiling, cap.nanoseconds)
        failures += 1
        return .nanoseconds(ceiling / 2 + Int64(Double(ceiling / 2) * random))
    }

    mutating func reset() {
        failures = 0
    }
}
