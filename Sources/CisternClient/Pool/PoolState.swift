internal import DequeModule
internal import NIOCore

/// Decides which request goes over which connection. A value: it opens nothing, waits for nothing and reads no clock.
///
/// Connections carry several requests at once. A request goes to the connection with the fewest under way; if that is busy
/// and there may be more connections, one is opened meanwhile. Where every connection is full, requests wait.
///
/// Invariants:
/// - Nobody waits while a connection has room; those who wait are served in the order in which they came.
/// - No connection has more requests under way than its limit, and there are never more connections, those being opened
///   included, than the maximum.
/// - After an attempt to connect that failed, or a connection that did not live long, none is opened before `retryAt`.
struct PoolState {
    typealias ConnectionID = Int
    typealias RequestID = UInt64

    struct Settings: Sendable {
        var minimum = 0
        var maximum = 8
        var maximumInFlight = 64
        var maximumWaiting = 10_000
        var idleTimeout: TimeAmount = .seconds(60)
        /// A connection that did not live so long counts as an attempt that failed.
        var shortLife: TimeAmount = .seconds(1)
        var delay = ReconnectDelay()
    }

    enum Action: Equatable {
        case place(RequestID, on: ConnectionID)
        case fail(RequestID, CisternError)
        case open(ConnectionID)
        case close(ConnectionID)
        /// `tick` is to be called then.
        case wake(at: NIODeadline)
        /// Nothing is under way any more, and nothing new will be.
        case drained
    }

    enum Submission: Equatable {
        case place(on: ConnectionID, then: [Action])
        case wait([Action])
        case fail(CisternError)
    }

    private enum Phase {
        /// Requests wait for `start`.
        case notStarted
        case running
        /// What has been submitted is carried out; nothing new is taken.
        case draining
        case stopped
    }

    private enum ConnectionState {
        case opening
        /// `inFlight` is at most `limit`.
        case ready(limit: Int, since: NIODeadline)
    }

    private struct Connection {
        let id: ConnectionID
        var state = ConnectionState.opening
        var inFlight = 0
        var idleSince = NIODeadline.uptimeNanoseconds(0)

        var room: Int {
            if case .ready(let limit, _) = state { limit - inFlight } else { 0 }
        }

        var isOpening: Bool {
            if case .opening = state { true } else { false }
        }
    }

    private struct Waiter {
        let id: RequestID
        let deadline: NIODeadline
    }

    private let settings: Settings
    private var delay: ReconnectDelay
    private var phase = Phase.notStarted
    private var connections: [Connection] = []
    private var waiters: Deque<Waiter> = []
    private var nextConnection = 0
    private var retryAt: NIODeadline?
    private var lastFailure: CisternError?
    /// The earliest `wake` that has been asked for and has not come.
    private var wakeAt: NIODeadline?

    init(_ settings: Settings) {
        self.settings = settings
        self.delay = settings.delay
    }

    var waiting: Int { waiters.count }
    var open: Int { connections.count }
    var inFlight: Int { connections.reduce(0) { $0 + $1.inFlight } }

    // MARK: Requests

    mutating func submit(_ request: RequestID, deadline: NIODeadline, now: NIODeadline) -> Submission {
        switch phase {
        case .draining, .stopped: return .fail(.closed)
        case .notStarted, .running: break
        }
        if waiters.isEmpty, let index = roomiest {
            let isBusy = connections[index].inFlight > 0
            connections[index].inFlight += 1
            return .place(on: connections[index].id, then: isBusy ? openIfUseful(wanted: 1, now: now) : [])
        }
        if waiters.count >= settings.maximumWaiting {
            return .fail(CisternError(.overloaded, "\(waiters.count) requests wait in this client already"))
        }
        waiters.append(Waiter(id: request, deadline: deadline))
        var actions = openIfUseful(wanted: waiters.count, now: now)
        wake(at: deadline, &actions)
        return .wait(actions)
    }

    /// Someone no longer waits; false where the request has been placed meanwhile.
    mutating func forget(_ request: RequestID) -> (wasWaiting: Bool, actions: [Action]) {
        guard let index = waiters.firstIndex(where: { $0.id == request }) else { return (false, []) }
        waiters.remove(at: index)
        return (true, drainedIfSo)
    }

    /// A request of the connection no longer takes a place.
    mutating func freed(_ id: ConnectionID, now: NIODeadline) -> [Action] {
        guard let index = connections.firstIndex(where: { $0.id == id }), connections[index].inFlight > 0 else {
            return []
        }
        connections[index].inFlight -= 1
        var actions: [Action] = []
        fill(index, &actions)
        if connections[index].inFlight == 0 {
            connections[index].idleSince = now
            if connections.count > settings.minimum { wake(at: now + settings.idleTimeout, &actions) }
        }
        return actions + drainedIfSo
    }

    // MARK: Connections

    mutating func start(now: NIODeadline) -> [Action] {
        guard case .notStarted = phase else { return [] }
        phase = .running
        return openIfUseful(wanted: waiters.count, now: now)
    }

    /// - Parameter limit: what the server takes at once on one connection.
    mutating func opened(_ id: ConnectionID, limit: Int, now: NIODeadline) -> [Action] {
        guard let index = connections.firstIndex(where: { $0.id == id }) else { return [.close(id)] }
        // A place is left free for the ping that asks whether the connection is alive.
        let limit = max(1, min(settings.maximumInFlight, limit - 1))
        connections[index].state = .ready(limit: limit, since: now)
        connections[index].idleSince = now
        retryAt = nil
        lastFailure = nil
        var actions: [Action] = []
        fill(index, &actions)
        if connections[index].inFlight == 0 { wake(at: now + settings.idleTimeout, &actions) }
        return actions
    }

    mutating func openingFailed(
        _ id: ConnectionID,
        _ error: CisternError,
        now: NIODeadline,
        random: Double
    ) -> [Action] {
        guard let index = connections.firstIndex(where: { $0.id == id }) else { return [] }
        connections.remove(at: index)
        return failed(error, now: now, random: random)
    }

    /// An open connection has ended; its requests have been told.
    mutating func ended(_ id: ConnectionID, _ error: CisternError, now: NIODeadline, random: Double) -> [Action] {
        guard let index = connections.firstIndex(where: { $0.id == id }) else { return [] }
        let connection = connections.remove(at: index)
        if case .ready(_, let since) = connection.state, now - since < settings.shortLife {
            return failed(error, now: now, random: random) + drainedIfSo
        }
        delay.reset()
        return openIfUseful(wanted: waiters.count, now: now) + drainedIfSo
    }

    private mutating func failed(_ error: CisternError, now: NIODeadline, random: Double) -> [Action] {
        lastFailure = error
        retryAt = now + delay.next(random: random)
        var actions: [Action] = []
        // Trying again does not help against a wrong password.
        if [.unauthorized, .forbidden].contains(error.code), !connections.contains(where: { !$0.isOpening }) {
            while let waiter = waiters.popFirst() { actions.append(.fail(waiter.id, error)) }
        }
        if let retryAt, !waiters.isEmpty || connections.count < settings.minimum { wake(at: retryAt, &actions) }
        return actions + drainedIfSo
    }

    // MARK: Time

    mutating func tick(now: NIODeadline) -> [Action] {
        if let wakeAt, wakeAt <= now { self.wakeAt = nil }
        var actions: [Action] = []
        let late = waiters.filter { $0.deadline <= now }
        if !late.isEmpty {
            waiters.removeAll { $0.deadline <= now }
            actions += late.map { .fail($0.id, whyNobodyServed) }
        }
        closeIdle(now: now, &actions)
        actions += openIfUseful(wanted: waiters.count, now: now)
        for deadline in dueTimes(now: now) { wake(at: deadline, &actions) }
        return actions + drainedIfSo
    }

    private var whyNobodyServed: CisternError {
        if case .notStarted = phase {
            return CisternError(.noConnection, "the client does not run: call run(), or use withCisternClient")
        }
        if let lastFailure, !connections.contains(where: { !$0.isOpening }) { return lastFailure }
        return CisternError(.noConnection, "no connection came free in time")
    }

    private mutating func closeIdle(now: NIODeadline, _ actions: inout [Action]) {
        var spare = connections.count - settings.minimum
        connections.removeAll { connection in
            guard spare > 0, !connection.isOpening, connection.inFlight == 0,
                connection.idleSince + settings.idleTimeout <= now
            else { return false }
            spare -= 1
            actions.append(.close(connection.id))
            return true
        }
    }

    private func dueTimes(now: NIODeadline) -> [NIODeadline] {
        var times: [NIODeadline] = []
        if let first = waiters.map(\.deadline).min() { times.append(first) }
        if connections.count > settings.minimum {
            let idle = connections.filter { !$0.isOpening && $0.inFlight == 0 }.map(\.idleSince)
            if let oldest = idle.min() { times.append(oldest + settings.idleTimeout) }
        }
        if let retryAt, retryAt > now, !waiters.isEmpty || connections.count < settings.minimum {
            times.append(retryAt)
        }
        return times
    }

    private mutating func wake(at time: NIODeadline, _ actions: inout [Action]) {
        if time == .distantFuture { return }
        if let wakeAt, wakeAt <= time { return }
        wakeAt = time
        actions.append(.wake(at: time))
    }

    // MARK: The end

    /// Nothing new is taken. `drained` comes when everything else is done, perhaps at once.
    mutating func drain() -> [Action] {
        switch phase {
        case .notStarted, .stopped: return shutDown() + [.drained]
        case .draining: return []
        case .running:
            phase = .draining
            return drainedIfSo
        }
    }

    private var drainedIfSo: [Action] {
        guard case .draining = phase, waiters.isEmpty, inFlight == 0 else { return [] }
        return [.drained]
    }

    mutating func shutDown() -> [Action] {
        phase = .stopped
        let actions = waiters.map { Action.fail($0.id, .closed) } + connections.map { .close($0.id) }
        waiters.removeAll()
        connections.removeAll()
        return actions
    }

    // MARK: Choosing

    /// The connection with the fewest requests under way that has room.
    private var roomiest: Int? {
        var best: Int?
        for index in connections.indices where connections[index].room > 0 {
            if let found = best, connections[found].inFlight <= connections[index].inFlight { continue }
            best = index
            if connections[index].inFlight == 0 { break }
        }
        return best
    }

    private mutating func fill(_ index: Int, _ actions: inout [Action]) {
        while connections[index].room > 0, let waiter = waiters.popFirst() {
            connections[index].inFlight += 1
            actions.append(.place(waiter.id, on: connections[index].id))
        }
    }

    /// - Parameter wanted: how many connections would be of use now.
    private mutating func openIfUseful(wanted: Int, now: NIODeadline) -> [Action] {
        switch phase {
        case .notStarted, .stopped: return []
        case .running, .draining: break
        }
        if let retryAt, retryAt > now {
            guard wanted > 0 || connections.count < settings.minimum else { return [] }
            var actions: [Action] = []
            wake(at: retryAt, &actions)
            return actions
        }
        let opening = connections.count(where: \.isOpening)
        // While the server cannot be reached, one attempt at a time is enough.
        let allowed = lastFailure == nil ? settings.maximum - connections.count : (opening == 0 ? 1 : 0)
        let useful = max(wanted - opening, settings.minimum - connections.count)
        let count = max(0, min(useful, allowed, settings.maximum - connections.count))
        return (0..<count).map { _ in
            nextConnection += 1
            connections.append(Connection(id: nextConnection))
            return .open(nextConnection)
        }
    }
}
