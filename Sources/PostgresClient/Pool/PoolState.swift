internal import DequeModule

/// Decides who gets which connection. A value: it opens nothing and waits for nothing.
///
/// A connection is *opening*, *idle*, *in use*, or *resetting* (its last user left, its session is being cleaned).
///
/// Invariants: `opening + idle + busy` never exceeds the maximum; nobody waits while a connection is idle; those who wait are
/// served in the order they came. While PostgreSQL is *down* (the last attempt to connect failed and no connection is
/// left) nobody waits at all: they are told at once, and one attempt at a time goes on in the background.
struct PoolState<Connection> {
    struct WaiterID: Hashable {
        fileprivate let number: UInt64
    }

    enum Acquisition {
        case connection(Connection)
        /// `open` connections are to be opened meanwhile.
        case wait(WaiterID, open: Int)
        case fail(PostgresError)
    }

    struct Idle {
        let connection: Connection
        let since: ContinuousClock.Instant
    }

    private let minimum: Int
    private let maximum: Int
    private(set) var opening = 0
    private(set) var busy = 0
    private(set) var idle: [Idle] = []
    private(set) var downBecause: PostgresError?
    private(set) var isShutDown = false
    private var waiters: Deque<WaiterID> = []
    private var nextWaiter: UInt64 = 0

    init(minimum: Int, maximum: Int) {
        self.minimum = minimum
        self.maximum = max(1, maximum)
    }

    var waiting: Int { waiters.count }
    private var total: Int { opening + idle.count + busy }

    /// An idle connection, for a caller who would have to prepare for waiting; nil where there is none.
    mutating func takeIdle() -> Connection? {
        guard !isShutDown, let last = idle.popLast() else { return nil }
        busy += 1
        return last.connection
    }

    mutating func acquire() -> Acquisition {
        if isShutDown { return .fail(PostgresError(.shuttingDown, "the server is shutting down")) }
        if let connection = takeIdle() { return .connection(connection) }
        if let downBecause { return .fail(downBecause) }
        nextWaiter += 1
        let waiter = WaiterID(number: nextWaiter)
        waiters.append(waiter)
        return .wait(waiter, open: openIfUseful())
    }

    /// Someone no longer waits. False where he has been served meanwhile.
    mutating func leave(_ waiter: WaiterID) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Connections to open, so that there are enough for those who wait and for the minimum.
    mutating func openIfUseful() -> Int {
        if isShutDown { return 0 }
        // While it is down nobody waits, and without an attempt it would be so for ever.
        let wanted = max(waiters.count - opening, minimum - total, downBecause == nil ? 0 : 1)
        // While PostgreSQL is down one attempt at a time is enough.
        let allowed = downBecause == nil ? maximum - total : (opening == 0 ? 1 : 0)
        let count = max(0, min(wanted, allowed, maximum - total))
        opening += count
        return count
    }

    /// A connection is there. The waiter who gets it, or nil where it is idle now.
    mutating func opened(_ connection: Connection, at now: ContinuousClock.Instant) -> WaiterID? {
        opening -= 1
        downBecause = nil
        return hand(connection, now)
    }

    /// An attempt to connect failed. Those who wait are told if no connection is left that could serve them.
    mutating func openingFailed(_ error: PostgresError) -> [WaiterID] {
        opening -= 1
        guard idle.isEmpty, busy == 0 else { return [] }
        downBecause = error
        defer { waiters.removeAll() }
        return Array(waiters)
    }

    /// A user is done with a connection that can be used again.
    mutating func released(_ connection: Connection, at now: ContinuousClock.Instant) -> WaiterID? {
        busy -= 1
        return hand(connection, now)
    }

    /// A connection in use has ended. How many to open in its place.
    mutating func ended() -> Int {
        busy -= 1
        return openIfUseful()
    }

    private mutating func hand(_ connection: Connection, _ now: ContinuousClock.Instant) -> WaiterID? {
        if let waiter = waiters.popFirst() {
            busy += 1
            return waiter
        }
        idle.append(Idle(connection: connection, since: now))
        return nil
    }

    /// Takes out idle connections that are too old, or that nobody needs.
    mutating func takeExpired(where isExpired: (Idle) -> Bool, idleSince limit: ContinuousClock.Instant) -> [Connection]
    {
        var expired: [Connection] = []
        var spare = max(0, total - minimum)
        idle.removeAll { idle in
            let isSpare = spare > 0 && idle.since < limit
            guard isExpired(idle) || isSpare else { return false }
            if isSpare { spare -= 1 }
            expired.append(idle.connection)
            return true
        }
        return expired
    }

    /// Nobody is served any more. Those who wait, and the idle connections.
    mutating func shutDown() -> ([WaiterID], [Connection]) {
        isShutDown = true
        defer {
            waiters.removeAll()
            idle.removeAll()
        }
        return (Array(waiters), idle.map(\.connection))
    }
}
