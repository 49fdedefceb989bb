internal import NIOCore

// Whether Redis can be used, from what the connections report.
//
// - It is up if at least one connection is ready and the breaker is not open.
// - An announcement is queued when that changes, or when another server answers; never twice the same in a row.
// - All ready connections lead to the same run of the server, or are being closed: two servers at once would
//   be two truths.
struct RedisAvailability: Sendable {
    enum Announcement: Sendable, Equatable {
        case available(RedisServerIdentity)
        case unavailable(String)
    }

    private(set) var breaker = CircuitBreaker()
    private(set) var identity: RedisServerIdentity?
    /// Why the server was refused, as long as no connection succeeded since.
    private(set) var refusal: RedisError?
    private var ready: [Int: RedisServerIdentity] = [:]
    private var announced: Announcement?
    private var queue: [Announcement] = []

    var isUp: Bool { !ready.isEmpty && breaker.state != .open }
    var connections: Int { ready.count }
    /// How often it was announced to be unavailable.
    private(set) var outages = 0
    var hasConnected: Bool { identity != nil }

    /// - Returns: the slots whose connections lead to another server, which are to be left.
    mutating func connected(slot: Int, identity: RedisServerIdentity, now: NIODeadline) -> [Int] {
        self.identity = identity
        refusal = nil
        ready[slot] = identity
        breaker.connected(now: now)
        reconcile(reason: "")
        return ready.filter { $0.value.runID != identity.runID }.keys.sorted()
    }

    /// A connection ended, or could not be made.
    mutating func disconnected(slot: Int, reason: RedisError, now: NIODeadline) {
        ready[slot] = nil
        switch reason.code {
        case .timeout: breaker.timedOut(now: now)
        case .unsupportedServer: refusal = reason
        case .unavailable, .server, .protocolViolation, .shuttingDown: break
        }
        reconcile(reason: reason.message)
    }

    mutating func permit() -> CircuitBreaker.Permission { breaker.permit() }

    mutating func trialEnded(answered: Bool) {
        breaker.trialEnded(answered: answered)
        reconcile(reason: "")
    }

    /// A connection that is ready, other than the one of `slot`.
    func alternative(to slot: Int) -> Int? {
        ready.keys.filter { $0 != slot }.min()
    }

    mutating func takeAnnouncement() -> Announcement? {
        queue.isEmpty ? nil : queue.removeFirst()
    }

    private mutating func reconcile(reason: String) {
        switch (isUp, announced) {
        case (true, let announced):
            guard let identity, announced != .available(identity) else { return }
            announce(.available(identity))
        case (false, .unavailable):
            return
        case (false, .available), (false, nil):
            announce(.unavailable(reason))
        }
    }

    private mutating func announce(_ announcement: Announcement) {
        announced = announcement
        if case .unavailable = announcement { outages += 1 }
        queue.append(announcement)
    }
}
