package import Logging
internal import NIOCore
internal import Synchronization

/// Figures of a pool at one moment.
package struct PostgresPoolStatistics: Sendable, Equatable {
    package var idle = 0
    package var inUse = 0
    package var opening = 0
    package var waiting = 0
    package var connects = 0
    package var failures = 0
    package var isDown = false
    /// Connections at most.
    package var limit = 0
    /// Scripts that were run, and those of them that failed, by why.
    package var scripts = 0
    package var errors: [PostgresError.Code: Int] = [:]
}

/// Connections to PostgreSQL, shared by all requests.
///
/// Decisions are ``PoolState``'s; what they ask for (open, reset, close) is done by ``run()``, which must run for as long
/// as the pool is used.
package final class PostgresPool: Sendable {
    enum Job {
        case open
        case reset(PostgresConnection)
        case close(PostgresConnection)
    }

    struct State {
        var pool: PoolState<PostgresConnection>
        var quick = QuickReads()
        var waiters: [PoolState<PostgresConnection>.WaiterID: Waiter] = [:]
        var identity: PostgresIdentity?
        /// Connections opened earlier have other session defaults than the identity says.
        var identitySince: ContinuousClock.Instant?
        var starters: [CheckedContinuation<Result<Void, PostgresError>, Never>] = []
        var connects = 0
        var failures = 0
        var failuresInRow = 0
        var scripts = 0
        var errors: [PostgresError.Code: Int] = [:]
        var nextID = 0
    }

    typealias Waiter = @Sendable (Result<PostgresConnection, PostgresError>) -> Void

    let configuration: PostgresConfiguration
    let logger: Logger
    let state: Mutex<State>
    let loops: [PollLoop]
    let types = TypeCatalogue()
    /// By event loop. What is open of these counts as in use.
    let directs = Mutex<[ObjectIdentifier: NIOLoopBound<DirectReads>]>([:])
    let planVersion = Atomic<UInt64>(0)
    let identityChanges = Atomic<UInt64>(0)
    let jobs: AsyncStream<Job>
    let jobSink: AsyncStream<Job>.Continuation

    /// - Parameter loops: threads that wait for PostgreSQL's sockets.
    package init(configuration: PostgresConfiguration, logger: Logger, loops: Int = 1) {
        self.configuration = configuration
        self.logger = logger
        self.loops = (0..<max(1, loops)).map { _ in PollLoop() }
        state = Mutex(
            State(
                pool: PoolState(
                    minimum: configuration.minimumConnections,
                    maximum: configuration.maximumConnections
                )
            )
        )
        (jobs, jobSink) = AsyncStream.makeStream()
    }

    deinit {
        for loop in loops { loop.stop() }
    }

    // MARK: Use

    /// Runs a script on a connection of the pool. The script's time counts from here: waiting for a connection is part of
    /// it.
    package func run(_ script: PostgresScript) async throws(PostgresError) -> [PostgresResult] {
        let deadline = script.timeout.map { ContinuousClock.now + $0 }
        do throws(PostgresError) {
            return try await counted(script, deadline)
        } catch  where error.code == .connectionLost && script.isReadOnly {
            // It broke under a statement that changes nothing: another connection may still be there.
            return try await counted(script, deadline)
        }
    }

    private func counted(
        _ script: PostgresScript,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> [PostgresResult] {
        state.withLock { $0.scripts += 1 }
        do throws(PostgresError) {
            return try await runOnce(script, deadline)
        } catch {
            state.withLock { $0.errors[error.code, default: 0] += 1 }
            throw error
        }
    }

    private func runOnce(
        _ script: PostgresScript,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> [PostgresResult] {
        if let read = QuickRead(script, deadline, patience: patience(until: deadline)),
            let results = try await runTogether(read)
        {
            return results
        }
        while true {
            let connection = try await acquire(until: deadline)
            let began = ContinuousClock.now
            let interruption = Interruption()
            let result: Result<[PostgresResult]?, PostgresError> = await withTaskCancellationHandler {
                await withTaskExecutorPreference(connection.loop) {
                    do throws(PostgresError) {
                        let results = try await connection.run(
                            script,
                            planVersion: planVersion.load(ordering: .acquiring),
                            deadline: deadline,
                            interruption: interruption
                        )
                        return .success(results)
                    } catch {
                        return .failure(error)
                    }
                }
            } onCancel: {
                interruption.raise()
                connection.loop.interrupt(connection.socket)
            }
            release(connection, needsReset: script.mayLeaveSessionState)
            // Where the server had closed it while it was idle, another one is taken.
            if var results = try result.get() {
                if results.count == 1 { results[0].duration = began.duration(to: .now) }
                return results
            }
        }
    }

    /// Prepared statements and types made so far may be out of date: the schema changed.
    package func discardPlans() {
        planVersion.add(1, ordering: .acquiringAndReleasing)
    }

    /// Raised after ``identity`` has changed.
    package var identityVersion: UInt64 { identityChanges.load(ordering: .acquiring) }

    /// Of the connection made last; nil before the first.
    package var identity: PostgresIdentity? { state.withLock { $0.identity } }

    package var statistics: PostgresPoolStatistics {
        state.withLock { state in
            PostgresPoolStatistics(
                idle: state.pool.idle.count,
                inUse: state.pool.busy,
                opening: state.pool.opening,
                // Quick reads wait together, in one place of the queue.
                waiting: state.pool.waiting - (state.quick.isQueued ? 1 : 0) + state.quick.waiting.count,
                connects: state.connects,
                failures: state.failures,
                isDown: state.pool.downBecause != nil,
                limit: configuration.maximumConnections,
                scripts: state.scripts,
                errors: state.errors
            )
        }
    }

    /// Returns when the first connection is there.
    ///
    /// - Throws: what the first attempt said, if it failed; further ones go on in the background.
    package func firstConnection() async throws(PostgresError) {
        let result = await withCheckedContinuation { continuation in
            let known: Result<Void, PostgresError>? = state.withLock { state in
                if state.identity != nil { return .success(()) }
                if let error = state.pool.downBecause { return .failure(error) }
                state.starters.append(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        try result.get()
    }

    // MARK: Acquiring and releasing

    func acquire(
        until deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> PostgresConnection {
        while true {
            if Task.isCancelled { throw PostgresError(.cancelled, "nobody waited any more") }
            let connection: PostgresConnection
            if let idle = state.withLock({ $0.pool.takeIdle() }) {
                connection = idle
            } else {
                connection = try await next(until: deadline)
            }
            if !isOutdated(connection) { return connection }
            discard(connection)
        }
    }

    /// Whether a role's or the database's settings were changed since it was opened.
    func isOutdated(_ connection: PostgresConnection) -> Bool {
        state.withLock { $0.identitySince.map { connection.openedAt < $0 } ?? false }
    }

    /// Waits for a connection if it has to.
    private func next(until deadline: ContinuousClock.Instant?) async throws(PostgresError) -> PostgresConnection {
        let waiterID = Mutex<PoolState<PostgresConnection>.WaiterID?>(nil)
        let timer = Mutex<Int?>(nil)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<PostgresConnection, PostgresError>, Never>) in
                let (result, open): (Result<PostgresConnection, PostgresError>?, Int) = state.withLock { state in
                    switch state.pool.acquire() {
                    case .connection(let connection): return (.success(connection), 0)
                    case .fail(let error): return (.failure(error), 0)
                    case .wait(let waiter, let open):
                        state.waiters[waiter] = { continuation.resume(returning: $0) }
                        waiterID.withLock { $0 = waiter }
                        return (nil, open)
                    }
                }
                request(open)
                if let result { return continuation.resume(returning: result) }
                guard let waiter = waiterID.withLock({ $0 }) else { return }
                if Task.isCancelled { return giveUp(waiter, PostgresError(.cancelled, "nobody waited any more")) }
                let patience = patience(until: deadline)
                let number = loops[0].schedule(at: patience.end) {
                    self.giveUp(waiter, patience.error)
                }
                timer.withLock { $0 = number }
            }
        } onCancel: {
            guard let waiter = waiterID.withLock({ $0 }) else { return }
            giveUp(waiter, PostgresError(.cancelled, "nobody waited any more"))
        }
        if let number = timer.withLock({ $0 }) { loops[0].cancel(number) }
        return try result.get()
    }

    func patience(
        until deadline: ContinuousClock.Instant?,
        from now: ContinuousClock.Instant = .now
    ) -> Patience {
        let end = now + configuration.acquireTimeout
        guard let deadline, deadline < end else { return Patience(end: end, limit: configuration.acquireTimeout) }
        return Patience(end: deadline, limit: nil)
    }

    func giveUp(_ waiter: PoolState<PostgresConnection>.WaiterID, _ error: PostgresError) {
        let waiting = state.withLock { state in
            state.pool.leave(waiter) ? state.waiters.removeValue(forKey: waiter) : nil
        }
        waiting?(.failure(error))
    }

    func release(_ connection: PostgresConnection, needsReset: Bool) {
        guard connection.isUsable else { return discard(connection) }
        if needsReset {
            jobSink.yield(.reset(connection))
        } else {
            free(connection)
        }
    }

    /// Of one that is in use.
    func discard(_ connection: PostgresConnection) {
        let open = state.withLock { $0.pool.ended() }
        request(open)
        jobSink.yield(.close(connection))
    }

    func free(_ connection: PostgresConnection) {
        let isOld = connection.openedAt + configuration.maximumLifetime < .now
        let (waiting, open): (Waiter?, Int) = state.withLock { state in
            if isOld || state.pool.isShutDown { return (nil, state.pool.ended()) }
            let waiter = state.pool.released(connection, at: .now)
            return (waiter.flatMap { state.waiters.removeValue(forKey: $0) }, 0)
        }
        request(open)
        waiting?(.success(connection))
    }

    func request(_ count: Int) {
        for _ in 0..<count { jobSink.yield(.open) }
    }
}
