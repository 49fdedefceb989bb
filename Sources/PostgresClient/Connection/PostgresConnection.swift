internal import CLibPQ
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// One connection to PostgreSQL, driven by readiness on a ``PollLoop``.
///
/// The connection is in pipeline mode from its beginning to its end. A script's commands are sent one after the other with
/// one synchronisation point at the end, so a script costs one round trip, and after the synchronisation point nothing of
/// it is left in the connection.
///
/// Invariant: between two scripts the connection is idle: outside a transaction, its last synchronisation point read, and
/// no cancel request of ours under way. What cannot be brought back to that is closed (``isUsable`` is false).
actor PostgresConnection {
    nonisolated let id: Int
    nonisolated let loop: PollLoop
    nonisolated let openedAt: ContinuousClock.Instant
    private nonisolated let standing = ConnectionStanding()
    /// Stays the same once connected.
    nonisolated var socket: Int32 { standing.socket }
    /// Once false, it stays so.
    nonisolated var isUsable: Bool { standing.isUsable }
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let handle: ConnectionHandle
    let types: TypeCatalogue
    var prepared: PreparedStatements
    /// Plans of an older version are dropped before the next script.
    private var planVersion: UInt64
    private var backend: PostgresBackend?
    /// Whether the server looks now and then, while a statement runs, if anybody is still connected.
    private var isWatchedByServer = false

    private init(
        id: Int,
        handle: ConnectionHandle,
        loop: PollLoop,
        types: TypeCatalogue,
        preparedLimit: Int,
        planVersion: UInt64
    ) {
        self.id = id
        self.handle = handle
        self.loop = loop
        self.types = types
        self.prepared = PreparedStatements(limit: preparedLimit)
        self.planVersion = planVersion
        self.openedAt = .now
    }

    /// Connects; host names are looked up on a thread that may wait.
    static func connect(
        id: Int,
        configuration: PostgresConfiguration,
        loop: PollLoop,
        types: TypeCatalogue,
        planVersion: UInt64
    ) async throws(PostgresError) -> PostgresConnection {
        let url = configuration.url
        let handle = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: ConnectionHandle(connectingTo: url)) }
        }
        guard let handle else { throw PostgresError(.unavailable, "libpq is out of memory") }
        let connection = PostgresConnection(
            id: id,
            handle: handle,
            loop: loop,
            types: types,
            preparedLimit: configuration.preparedStatementsPerConnection,
            planVersion: planVersion
        )
        try await connection.finishConnecting(until: .now + configuration.connectTimeout)
        return connection
    }

    private func finishConnecting(until deadline: ContinuousClock.Instant) async throws(PostgresError) {
        var toWrite = true
        guard PQstatus(handle.pointer) != CONNECTION_BAD else { throw unavailable() }
        while true {
            let wake = await loop.wait(for: handle.socket, toWrite: toWrite, until: deadline, unless: nil)
            guard case .ready = wake else {
                throw PostgresError(.unavailable, "PostgreSQL did not answer within the connect timeout")
            }
            switch PQconnectPoll(handle.pointer) {
            case PGRES_POLLING_OK:
                PQsetnonblocking(handle.pointer, 1)
                PQenterPipelineMode(handle.pointer)
                standing.socket = handle.socket
                try await loadBuiltInTypes()
                return
            case PGRES_POLLING_READING: toWrite = false
            case PGRES_POLLING_WRITING: toWrite = true
            default: throw unavailable()
            }
        }
    }

    private func unavailable() -> PostgresError {
        markUnusable()
        return PostgresError(.unavailable, "PostgreSQL cannot be reached: \(handle.errorMessage)")
    }

    private func loadBuiltInTypes() async throws(PostgresError) {
        if types[16] != nil { return }
        let builtIn: [UInt32] = [
            16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 705, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266,
            1700,
            2950, 3802, 199, 1000, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1182, 1185, 1231, 2951, 3807,
        ]
        try await load(Set(builtIn))
    }

    // MARK: For others

    /// A descriptor of the connection's socket, for one who speaks the protocol himself; nil where that is encrypted. From then
    /// on this connection must not be used. The caller closes it.
    func duplicatedSocket() -> Int32? {
        guard isUsable, PQsslInUse(handle.pointer) == 0, PQgssEncInUse(handle.pointer) == 0 else { return nil }
        let descriptor = fcntl(handle.socket, F_DUPFD_CLOEXEC, 0)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Asks the server to cancel what it does for this connection, from a thread that may wait.
    func cancelRequest() -> @Sendable () -> Void {
        let cancel = CancelHandle(handle)
        return { DispatchQueue.global().async { cancel?.send() } }
    }

    // MARK: Between scripts

    func close() {
        markUnusable()
    }

    nonisolated func markUnusable() {
        standing.markUnusable()
    }

    /// Whether an idle connection is still there. The server may have closed it meanwhile.
    private func isAlive() -> Bool {
        // libpq would read a farewell as a notice, and notice the end only at the next read; so the socket is asked.
        if PQstatus(handle.pointer) != CONNECTION_OK || handle.hasUnexpectedInput { markUnusable() }
        return isUsable
    }

    /// Runs a script. Afterwards the connection is idle again or not usable any more.
    ///
    /// - Parameters:
    ///   - planVersion: prepared statements made under another one are dropped first.
    ///   - deadline: the running statement is cancelled then.
    /// - Returns: nil where the connection had been closed while it was idle; nothing was sent then.
    func run(
        _ script: PostgresScript,
        planVersion: UInt64,
        deadline: ContinuousClock.Instant?,
        interruption: Interruption
    ) async throws(PostgresError) -> [PostgresResult]? {
        guard isAlive() else { return nil }
        try await renewPlans(planVersion, deadline, interruption)
        do throws(PostgresError) {
            return try await attempt(script, deadline, interruption)
        } catch  where error.isStalePlan && isUsable && script.steps.contains(where: \.mayBePrepared) {
            // The statement failed before it did anything: its plan was made for another shape of the table.
            try await dropPlans(deadline, interruption)
            return try await attempt(script, deadline, interruption)
        }
    }

    /// Whether the connection is there, and has no prepared statements of an older version.
    func isReady(planVersion: UInt64) async -> Bool {
        guard isAlive() else { return false }
        do throws(PostgresError) {
            try await renewPlans(planVersion, .now + .seconds(10), Interruption())
            return true
        } catch {
            await recover()
            return false
        }
    }

    private func renewPlans(
        _ version: UInt64,
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) {
        guard version != planVersion else { return }
        try await dropPlans(deadline, interruption)
        planVersion = version
    }

    private func attempt(
        _ script: PostgresScript,
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) -> [PostgresResult] {
        let parameters = try await values(of: script, deadline, interruption)
        var exchange = Exchange(script: script, connection: self, deadline: deadline, interruption: interruption)
        exchange.queue(script, parameters, &prepared)
        let encoders: [ResultEncoder]
        do throws(PostgresError) {
            encoders = try await exchange.run()
        } catch {
            await recover()
            var error = error
            if error.outcomeUnknown, !isUsable { error.backend = backend }
            throw error
        }
        var missing: Set<UInt32> = []
        for encoder in encoders { missing.formUnion(encoder.missingTypes) }
        do throws(PostgresError) {
            if !missing.isEmpty { try await load(missing) }
        } catch {
            await recover()
            var error = error
            // The script itself is done.
            error.outcomeUnknown = !script.isReadOnly && !script.rollsBack
            throw error
        }
        return encoders.map { $0.close() }
    }

    private func recover() async {
        do throws(PostgresError) { try await rollBackIfNeeded() } catch { markUnusable() }
    }

    private func dropPlans(
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) {
        prepared.removeAll()
        types.forgetUserTypes()
        try await runPlainly(["DEALLOCATE ALL"], deadline, interruption)
    }

    func rollBackIfNeeded() async throws(PostgresError) {
        guard isUsable else { return }
        switch PQtransactionStatus(handle.pointer) {
        case PQTRANS_IDLE: return
        default: try await runPlainly(["ROLLBACK"], .now + .seconds(5), Interruption())
        }
    }

    /// Takes away what a statement may have left in the session, so that its next user does not meet it. Prepared
    /// statements of ours stay, unless somebody has used PREPARE, by which one of ours may have been replaced.
    func resetSession() async {
        let commands = [
            "RESET SESSION AUTHORIZATION", "RESET ALL", "CLOSE ALL", "UNLISTEN *",
            "SELECT pg_catalog.pg_advisory_unlock_all()", "DISCARD SEQUENCES", "DISCARD TEMP",
            isWatchedByServer ? Self.watch : nil,
            "SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE from_sql LIMIT 1",
        ].compactMap { $0 }
        do throws(PostgresError) {
            let deadline = ContinuousClock.now + .seconds(10)
            let answers = try await runPlainly(commands, deadline, Interruption())
            if answers.last?.rows.isEmpty == false { try await dropPlans(deadline, Interruption()) }
        } catch {
            markUnusable()
        }
    }

    @discardableResult
    private func runPlainly(
        _ commands: [String],
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) -> [PostgresResult] {
        var script = PostgresScript(
            steps: commands.map { command in
                var step = PostgresStep(sql: command)
                step.output = .rows
                return step
            }
        )
        script.isReadOnly = true
        var exchange = Exchange(script: script, connection: self, deadline: deadline, interruption: interruption)
        exchange.queue(script, script.steps.map { _ in [] }, &prepared)
        return try await exchange.run().map { $0.close() }
    }

    /// Rows of one question of our own.
    func ask(_ sql: String, _ parameters: [String?] = []) async throws(PostgresError) -> [[String?]] {
        var step = PostgresStep(sql: sql)
        step.output = .rows
        var script = PostgresScript(steps: [step])
        script.isReadOnly = true
        var exchange = Exchange(
            script: script,
            connection: self,
            deadline: .now + .seconds(10),
            interruption: Interruption()
        )
        exchange.queue(script, [parameters], &prepared)
        return try await exchange.run()[0].close().rows
    }

    func load(_ oids: Set<UInt32>) async throws(PostgresError) {
        var missing = oids
        // A composite brings types of its own; each round asks for those of the next depth.
        while !missing.isEmpty {
            let list = missing.map(String.init).joined(separator: ",")
            let rows = try await ask(TypeCatalogue.question, [list])
            var found: [UInt32: PostgresType] = [:]
            for oid in missing { found[oid] = PostgresType(name: "unknown", form: .text) }
            for row in rows {
                guard let oid = row.first.flatMap({ $0 }).flatMap({ UInt32($0) }) else { continue }
                if let type = PostgresType(row: row) { found[oid] = type }
            }
            types.add(found)
            missing = types.missing(for: missing)
        }
    }

    /// Asks the server to look every second, while a statement runs, whether its client is still there: what a proxy that
    /// died had begun must not be committed long after the others have noticed the death.
    private static let watch = """
        SELECT pg_catalog.set_config('client_connection_check_interval', '1000', false)
        WHERE pg_catalog.current_setting('client_connection_check_interval') = '0'
        """

    /// Finds out who is at the other end.
    func meetBackend() async throws(PostgresError) {
        backend = PostgresBackend(rows: try await ask(PostgresBackend.question))
        do throws(PostgresError) {
            _ = try await ask(Self.watch)
            isWatchedByServer = true
        } catch {
            // The server's system cannot tell.
            if error.code != .server { throw error }
        }
    }

    func identity() async throws(PostgresError) -> PostgresIdentity {
        let row = try await ask(PostgresIdentity.question).first ?? []
        var system: String?
        do throws(PostgresError) {
            system = try await ask(PostgresIdentity.systemQuestion).first?.first ?? nil
        } catch  where error.code == .server {
            // The role may not ask for it.
            system = nil
        }
        return PostgresIdentity(row: row, systemIdentifier: system ?? "")
    }
}

extension PostgresError {
    /// A prepared statement that has to be made again.
    var isStalePlan: Bool {
        sqlState == "26000" || (sqlState == "0A000" && message.contains("cached plan"))
    }
}

/// What other threads may know of a connection without waiting for its turn.
private final class ConnectionStanding: Sendable {
    private let descriptor = Atomic<Int32>(-1)
    private let usable = Atomic<Bool>(true)

    /// For those who wake it.
    var socket: Int32 {
        get { descriptor.load(ordering: .acquiring) }
        set { descriptor.store(newValue, ordering: .releasing) }
    }

    var isUsable: Bool { usable.load(ordering: .acquiring) }

    func markUnusable() {
        usable.store(false, ordering: .releasing)
    }
}
