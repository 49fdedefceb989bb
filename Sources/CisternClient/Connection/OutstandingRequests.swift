internal import DequeModule
internal import NIOCore

/// Which requests of a connection have no answer yet. A value: it sends nothing and reads no clock.
///
/// Invariants:
/// - An answer with an `id` goes to the request of that number and no other; one without goes to the oldest of those that
///   were sent without.
/// - A request whose time has run out stays here until its answer comes, which is then dropped: its place stays taken,
///   since the server still works on it.
/// - When a time has run out and nothing at all has come since the request was sent, a ping asks whether the connection is
///   alive; if nothing comes within `probeTimeout` either, it is dead.
struct OutstandingRequests<Request> {
    enum Recipient {
        case request(Request)
        /// Answers the ping.
        case probe
        /// An `id` that nobody sent, or an answer where none is awaited.
        case nobody
    }

    struct Tick {
        /// Those whose time has run out now.
        var expired: [Request] = []
        /// A ping is to be sent, under this number.
        var sendsProbe = false
        var isDead = false
        /// When to look again.
        var next: NIODeadline?
    }

    private struct Entry {
        let request: Request
        let sentAt: NIODeadline
        let deadline: NIODeadline
        var isExpired = false
    }

    private let probeTimeout: TimeAmount
    private var numbered: [UInt64: Entry] = [:]
    private var ordered: Deque<Entry> = []
    private var probe: (number: UInt64, deadline: NIODeadline)?
    private var lastReceived: NIODeadline?

    init(probeTimeout: TimeAmount) {
        self.probeTimeout = probeTimeout
    }

    var count: Int { numbered.count + ordered.count }

    mutating func sent(_ request: Request, number: UInt64?, deadline: NIODeadline, now: NIODeadline) {
        let entry = Entry(request: request, sentAt: now, deadline: deadline)
        if let number { numbered[number] = entry } else { ordered.append(entry) }
    }

    mutating func probeSent(number: UInt64, now: NIODeadline) {
        probe = (number, now + probeTimeout)
    }

    /// - Parameter id: the answer's, nil where it has none.
    mutating func received(id: UInt64?, now: NIODeadline) -> Recipient {
        lastReceived = now
        guard let id else { return ordered.popFirst().map { .request($0.request) } ?? .nobody }
        if let entry = numbered.removeValue(forKey: id) { return .request(entry.request) }
        guard let probe, probe.number == id else { return .nobody }
        self.probe = nil
        return .probe
    }

    mutating func tick(now: NIODeadline) -> Tick {
        var tick = Tick()
        if let probe, probe.deadline <= now {
            if lastReceived.map({ $0 >= probe.deadline - probeTimeout }) == true {
                self.probe = nil
            } else {
                tick.isDead = true
                return tick
            }
        }
        var silentSince: NIODeadline?
        func expire(_ entry: inout Entry) {
            guard !entry.isExpired, entry.deadline <= now else { return }
            entry.isExpired = true
            tick.expired.append(entry.request)
            if lastReceived.map({ $0 < entry.sentAt }) ?? true { silentSince = entry.sentAt }
        }
        for number in numbered.keys { expire(&numbered[number]!) }  // A key of the dictionary itself.
        for index in ordered.indices { expire(&ordered[index]) }
        tick.sendsProbe = silentSince != nil && probe == nil
        tick.next = nextDeadline
        return tick
    }

    /// The earliest time that runs out.
    var nextDeadline: NIODeadline? {
        var next = probe?.deadline
        for entry in numbered.values where !entry.isExpired { next = min(next ?? entry.deadline, entry.deadline) }
        for entry in ordered where !entry.isExpired { next = min(next ?? entry.deadline, entry.deadline) }
        return next
    }

    /// The connection has ended: all that are left.
    mutating func removeAll() -> [Request] {
        defer {
            numbered.removeAll()
            ordered.removeAll()
            probe = nil
        }
        return numbered.values.map(\.request) + ordered.map(\.request)
    }
}
