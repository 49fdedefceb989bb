internal import Logging
internal import Synchronization

// The pool's own work: what its users ask for is done here, by tasks that belong to nobody's request.
extension PostgresPool {
    /// Opens, resets and closes connections until it is cancelled; then nobody is served any more.
    package func run() async {
        request(state.withLock { $0.pool.openIfUseful() })
        await withDiscardingTaskGroup { group in
            group.addTask { await self.expireConnections() }
            for await job in jobs {
                group.addTask { await self.perform(job) }
            }
            group.cancelAll()
        }
        endDirectConnections()
        let (waiters, _) = state.withLock { state in
            let (waiters, idle) = state.pool.shutDown()
            return (waiters.compactMap { state.waiters.removeValue(forKey: $0) }, idle)
        }
        for waiter in waiters {
            waiter(.failure(PostgresError(.shuttingDown, "the server is shutting down")))
        }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .open: await open()
        case .reset(let connection):
            await connection.resetSession()
            if connection.isUsable {
                free(connection)
            } else {
                request(state.withLock { $0.pool.ended() })
            }
        case .close(let connection): await connection.close()
        }
    }

    private func open() async {
        let (id, failures) = state.withLock { state in
            state.nextID += 1
            return (state.nextID, state.failuresInRow)
        }
        if failures > 0 { try? await Task.sleep(for: Self.backOff(failures)) }
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(
                id: id,
                configuration: configuration,
                loop: loops[id % loops.count],
                types: types,
                planVersion: planVersion.load(ordering: .acquiring)
            )
            let identity = try await connection.identity()
            try await connection.meetBackend()
            opened(connection, identity)
        } catch {
            failed(error)
        }
    }

    private func opened(_ connection: PostgresConnection, _ identity: PostgresIdentity) {
        let (waiter, starters, wasDown) = state.withLock { state in
            let wasDown = state.pool.downBecause != nil
            state.connects += 1
            state.failuresInRow = 0
            if let known = state.identity, known != identity { state.identitySince = connection.openedAt }
            if state.identity != identity {
                state.identity = identity
                identityChanges.add(1, ordering: .releasing)
            }
            let starters = state.starters
            state.starters = []
            let waiter = state.pool.opened(connection, at: .now).flatMap { state.waiters.removeValue(forKey: $0) }
            return (waiter, starters, wasDown)
        }
        if wasDown { logger.notice("PostgreSQL is back") }
        waiter?(.success(connection))
        for starter in starters { starter.resume(returning: .success(())) }
        request(state.withLock { $0.pool.openIfUseful() })
    }

    private func failed(_ error: PostgresError) {
        var error = error
        error.code = .unavailable
        let (waiters, starters, wasDown) = state.withLock { state in
            let wasDown = state.pool.downBecause != nil
            state.failures += 1
            state.failuresInRow += 1
            let starters = state.starters
            state.starters = []
            let waiters = state.pool.openingFailed(error).compactMap { state.waiters.removeValue(forKey: $0) }
            return (waiters, starters, wasDown)
        }
        if !wasDown { logger.error("PostgreSQL cannot be reached", metadata: ["error": "\(error.message)"]) }
        for waiter in waiters { waiter(.failure(error)) }
        for starter in starters { starter.resume(returning: .failure(error)) }
        guard !Task.isCancelled else { return }
        request(state.withLock { $0.pool.openIfUseful() })
    }

    /// Doubles from 50 ms to 1 s, of which a random half is taken off so that many proxies do not come at once.
    private static func backOff(_ failures: Int) -> Duration {
        let limit = min(1000, 50 << min(failures - 1, 5))
        return .milliseconds(Int.random(in: (limit / 2)...limit))
    }

    private func expireConnections() async {
        let interval = min(configuration.idleTimeout, configuration.maximumLifetime, .seconds(30)) / 2
        while (try? await Task.sleep(for: max(interval, .milliseconds(100)))) != nil {
            let now = ContinuousClock.now
            let oldest = now - configuration.maximumLifetime
            let (expired, open) = state.withLock { state in
                let expired = state.pool.takeExpired(
                    where: { $0.connection.openedAt < oldest },
                    idleSince: now - configuration.idleTimeout
                )
                return (expired, state.pool.openIfUseful())
            }
            request(open)
            for connection in expired { await connection.close() }
            closeDirectConnections(unusedFor: configuration.idleTimeout)
        }
    }
}
