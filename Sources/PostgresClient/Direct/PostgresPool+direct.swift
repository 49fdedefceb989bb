internal import NIOCore
internal import NIOPosix
internal import Synchronization

// Each event loop that asks for quick reads gets a connection of the pool to itself, which speaks the protocol on that loop.
extension PostgresPool {
    /// A pool of fewer connections keeps them all for everybody.
    private static let fewestConnections = 4

    /// Runs a read on the connection of the event loop that this is called on.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - body: told the result, later; nil where it is to be run by ``run(_:)``.
    /// - Returns: false where that is to be asked at once; nobody is told anything then.
    package func runDirectly(
        _ script: PostgresScript,
        at now: ContinuousClock.Instant = .now,
        _ body: @escaping @Sendable (PostgresResult?) -> Void
    ) -> Bool {
        let deadline = script.timeout.map { now + $0 }
        guard let read = QuickRead(script, deadline, patience: patience(until: deadline, from: now)) else {
            return false
        }
        read.whenEnded { outcome in
            guard case .result(let result) = outcome else { return body(nil) }
            self.state.withLock { $0.scripts += 1 }
            body(result)
        }
        return runDirectly(read, at: now)
    }

    /// Gives a read to the connection of the event loop that this is called on.
    ///
    /// - Returns: false where there is none, or it has enough to do: the read is to be run elsewhere.
    func runDirectly(_ read: QuickRead, at now: ContinuousClock.Instant = .now) -> Bool {
        guard let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop else { return false }
        let place = directs.withLock { directs in
            if let place = directs[ObjectIdentifier(eventLoop)] { return place }
            let place = NIOLoopBound(DirectReads(), eventLoop: eventLoop)
            directs[ObjectIdentifier(eventLoop)] = place
            return place
        }
        return place.value.take(read, for: self, on: eventLoop, at: now)
    }

    var maySpareConnection: Bool {
        configuration.maximumConnections >= Self.fewestConnections && state.withLock { !$0.pool.isShutDown }
    }

    /// A connection that somebody has to himself.
    enum Loan: Sendable {
        case lent(PostgresConnection, socket: Int32, identityVersion: UInt64, cancel: @Sendable () -> Void)
        /// Its bytes mean nothing to anybody but libpq.
        case encrypted
        /// None came free soon.
        case none
    }

    func lendConnection() async -> Loan {
        guard let connection = try? await acquire(until: .now + configuration.acquireTimeout) else { return .none }
        // What changes from here on is noticed when it is used.
        let identityVersion = identityVersion
        let isReady = await connection.isReady(planVersion: planVersion.load(ordering: .acquiring))
        guard isReady, !isOutdated(connection) else {
            if isReady { discard(connection) } else { release(connection, needsReset: false) }
            return .none
        }
        guard let socket = await connection.duplicatedSocket() else {
            release(connection, needsReset: false)
            return .encrypted
        }
        let cancel = await connection.cancelRequest()
        return .lent(connection, socket: socket, identityVersion: identityVersion, cancel: cancel)
    }

    func isTooOld(_ connection: PostgresConnection, at now: ContinuousClock.Instant) -> Bool {
        connection.openedAt + configuration.maximumLifetime < now
    }

    /// What was done on it leaves libpq with no notion of where the connection stands: it is closed.
    func gaveBack(_ connection: PostgresConnection) {
        connection.markUnusable()
        discard(connection)
    }

    func closeDirectConnections(unusedFor time: Duration) {
        onDirects { $0.close(ifUnusedFor: time) }
    }

    func endDirectConnections() {
        onDirects { $0.end() }
    }

    private func onDirects(_ body: @escaping @Sendable (DirectReads) -> Void) {
        for place in directs.withLock({ Array($0.values) }) { place.eventLoop.execute { body(place.value) } }
    }
}
