internal import CLibPQ
internal import Dispatch
internal import Synchronization

/// One script on one connection: its commands, sent in a pipeline, and what comes back.
///
/// A statement over its time, over the limit of its result, or that nobody waits for any more, is cancelled: the request
/// goes to the server from a thread that may wait, while the results go on being read to the synchronisation point. The
/// connection is idle again only when both have ended: the server has taken the cancel request before it closes that
/// request's connection, so it cannot meet a later statement.
struct Exchange: ~Copyable {
    /// What a command of the pipeline is for.
    private enum Command {
        case control
        case setting(String)
        case prepare(PreparedStatements.Key, name: String)
        case deallocate(String)
        case describe
        case step(Int)
        case end(String)
    }

    fileprivate enum Ending {
        case timeout, cancelled, tooLarge
    }

    /// How long a cancelled statement may take to end before its connection is given up.
    private static let cancelPatience = Duration.seconds(10)

    private let script: PostgresScript
    private let connection: PostgresConnection
    private let handle: ConnectionHandle
    private let deadline: ContinuousClock.Instant?
    private let interruption: Interruption

    private var commands: [Command] = []
    private var sendFailed = false
    private var encoders: [ResultEncoder] = []
    private(set) var describedTypes: [UInt32]?
    private var failure: PostgresError?
    /// The server refused a command: nothing of the transaction stays.
    private var isRefused = false
    private var isCommitted = false
    private var ending: Ending?
    private var cancel: CancelRequest?
    private var patience: ContinuousClock.Instant?

    init(
        script: PostgresScript,
        connection: PostgresConnection,
        deadline: ContinuousClock.Instant?,
        interruption: Interruption
    ) {
        self.script = script
        self.connection = connection
        self.handle = connection.handle
        self.deadline = deadline
        self.interruption = interruption
    }

    // MARK: Sending

    /// Hands all commands to libpq, which buffers them.
    mutating func queue(_ script: PostgresScript, _ parameters: [[String?]], _ prepared: inout PreparedStatements) {
        let inTransaction = script.needsTransaction
        if inTransaction { send(.control, script.begin, []) }
        for setting in script.settings {
            send(.setting(setting.name), "SELECT pg_catalog.set_config($1, $2, true)", [setting.name, setting.value])
        }
        for (index, step) in script.steps.enumerated() {
            if step.isPrepared {
                sendPrepared(index, step, parameters[index], &prepared)
            } else {
                send(.step(index), step.sql, parameters[index])
            }
        }
        if inTransaction {
            let end = script.rollsBack ? "ROLLBACK" : "COMMIT"
            send(.end(end), end, [])
        }
        if PQpipelineSync(handle.pointer) != 1 { sendFailed = true }
    }

    private mutating func send(_ command: Command, _ sql: String, _ parameters: [String?]) {
        commands.append(command)
        let sent = withCStrings(parameters) { values in
            PQsendQueryParams(handle.pointer, sql, Int32(parameters.count), nil, values, nil, nil, 0)
        }
        if sent != 1 { sendFailed = true }
    }

    private mutating func sendPrepared(
        _ index: Int,
        _ step: PostgresStep,
        _ parameters: [String?],
        _ prepared: inout PreparedStatements
    ) {
        let name = prepare(step, &prepared)
        commands.append(.step(index))
        let sent = withCStrings(parameters) { values in
            PQsendQueryPrepared(handle.pointer, name, Int32(parameters.count), values, nil, nil, 0)
        }
        if sent != 1 { sendFailed = true }
    }

    /// Prepares one step and asks for its parameters' types, under the script's settings.
    mutating func queueDescription(of step: PostgresStep, _ prepared: inout PreparedStatements) {
        let inTransaction = !script.settings.isEmpty
        if inTransaction { send(.control, "BEGIN", []) }
        for setting in script.settings {
            send(.setting(setting.name), "SELECT pg_catalog.set_config($1, $2, true)", [setting.name, setting.value])
        }
        let name = prepare(step, &prepared)
        commands.append(.describe)
        if PQsendDescribePrepared(handle.pointer, name) != 1 { sendFailed = true }
        if inTransaction { send(.end("ROLLBACK"), "ROLLBACK", []) }
        if PQpipelineSync(handle.pointer) != 1 { sendFailed = true }
    }

    private mutating func prepare(_ step: PostgresStep, _ prepared: inout PreparedStatements) -> String {
        let key = PreparedStatements.Key(sql: step.sql, planKey: step.planKey)
        if let statement = prepared.statement(for: key) { return statement.name }
        if let name = nameUnderWay(key) { return name }
        for old in prepared.makeRoom() where !isDeallocating(old) { send(.deallocate(old), "DEALLOCATE \(old)", []) }
        let name = prepared.nextName()
        commands.append(.prepare(key, name: name))
        if PQsendPrepare(handle.pointer, name, step.sql, 0, nil) != 1 { sendFailed = true }
        return name
    }

    private func nameUnderWay(_ key: PreparedStatements.Key) -> String? {
        for case .prepare(let other, let name) in commands where other == key { return name }
        return nil
    }

    private func isDeallocating(_ name: String) -> Bool {
        commands.contains { if case .deallocate(name) = $0 { true } else { false } }
    }

    // MARK: Receiving

    /// Reads everything up to the synchronisation point, and returns what the steps answered.
    ///
    /// - Throws: the first failure; the connection is marked unusable where it cannot be brought back.
    mutating func run(
        isolation: isolated PostgresConnection = #isolation
    ) async throws(PostgresError)
        -> [ResultEncoder]
    {
        guard !sendFailed else { throw lost(isolation, sentAll: false) }
        for command in commands {
            try await receive(command, isolation)
        }
        try await receiveSynchronisation(isolation)
        if let cancel, !(await cancel.finished(by: patience ?? .now, on: isolation.loop)) {
            // It may still be under way, and would meet the connection's next statement.
            isolation.markUnusable()
        }
        guard var failure else { return encoders }
        // A result over the limit, or a time-out that came too late, does not take the statement back.
        failure.outcomeUnknown = script.mayChange && (script.needsTransaction ? isCommitted : !isRefused)
        throw failure
    }

    private mutating func receive(
        _ command: Command,
        _ connection: isolated PostgresConnection
    ) async throws(PostgresError) {
        var stepIndex: Int?
        if case .step(let index) = command { stepIndex = index }
        let step = stepIndex.map { script.steps[$0] }
        let output = step?.output ?? .rows
        let encoder = ResultEncoder(
            output,
            expectedBytes: step?.expectedBytes ?? 0,
            limit: script.maximumResultBytes,
            types: connection.types
        )
        if output == .json { PQsetSingleRowMode(handle.pointer) }
        while let result = try await next(connection) {
            switch PQresultStatus(result) {
            case PGRES_SINGLE_TUPLE, PGRES_TUPLES_OK:
                let isLast = PQresultStatus(result) == PGRES_TUPLES_OK
                if isLast { encoder.finish(String(cString: PQcmdStatus(result)), affected: nil) }
                encoder.take(result)
                if encoder.isOverLimit && ending == nil { begin(.tooLarge) }
            case PGRES_COMMAND_OK:
                let affected = PQcmdTuples(result).flatMap { Int(String(cString: $0)) }
                encoder.finish(String(cString: PQcmdStatus(result)), affected: affected)
                succeeded(command, String(cString: PQcmdStatus(result)), connection)
                if case .describe = command {
                    describedTypes = (0..<PQnparams(result)).map { PQparamtype(result, $0) }
                }
                PQclear(result)
            case PGRES_FATAL_ERROR:
                note(PostgresError(server: result, stepIndex: stepIndex), command)
                PQclear(result)
                if PQstatus(handle.pointer) == CONNECTION_BAD { throw lost(connection, sentAll: true) }
            case PGRES_EMPTY_QUERY, PGRES_PIPELINE_ABORTED:
                PQclear(result)
            default:
                // COPY, or something newer: there is no way to go on with this connection.
                PQclear(result)
                connection.markUnusable()
                var error = PostgresError(.server, "COPY to or from the client is not possible here")
                error.outcomeUnknown = script.mayChange
                throw error
            }
        }
        if stepIndex != nil { encoders.append(encoder) }
    }

    private mutating func succeeded(
        _ command: Command,
        _ tag: String,
        _ connection: isolated PostgresConnection
    ) {
        switch command {
        case .prepare(let key, let name): connection.prepared.add(key, name: name)
        case .deallocate(let name): connection.prepared.deallocated(name)
        case .end("COMMIT") where tag == "COMMIT": isCommitted = true
        case .end("COMMIT"):
            failure = failure ?? PostgresError(.server, "the transaction was rolled back")
        case .control, .setting, .describe, .step, .end: break
        }
    }

    private mutating func note(_ error: PostgresError, _ command: Command) {
        isRefused = true
        guard failure == nil else { return }
        var error = error
        if case .setting(let name) = command { error.message = "setting \"\(name)\": \(error.message)" }
        // A statement's preparation fails for the statement's own faults.
        if case .prepare(let key, _) = command {
            error.stepIndex = script.steps.firstIndex { $0.sql == key.sql && $0.planKey == key.planKey }
        }
        if error.sqlState == "57014", let ending { error = ending.error }
        failure = error
    }

    private mutating func receiveSynchronisation(
        _ connection: isolated PostgresConnection
    ) async throws(PostgresError) {
        while true {
            guard let result = try await next(connection) else {
                if PQstatus(handle.pointer) == CONNECTION_BAD { throw lost(connection, sentAll: true) }
                continue
            }
            let status = PQresultStatus(result)
            PQclear(result)
            if status == PGRES_PIPELINE_SYNC { return }
            if PQstatus(handle.pointer) == CONNECTION_BAD { throw lost(connection, sentAll: true) }
        }
    }

    /// The next result, or nil at the end of one command's results.
    private mutating func next(
        _ connection: isolated PostgresConnection
    ) async throws(PostgresError) -> OpaquePointer? {
        var unsent = PQflush(handle.pointer)
        while PQisBusy(handle.pointer) == 1 {
            if unsent < 0 { throw lost(connection, sentAll: false) }
            switch await connection.loop.wait(
                for: handle.socket,
                toWrite: unsent > 0,
                until: patience ?? deadline,
                unless: ending == nil ? interruption : nil
            ) {
            case .ready: break
            case .timedOut:
                if patience != nil {
                    connection.markUnusable()
                    var error = ending?.error ?? lost(connection, sentAll: true)
                    error.outcomeUnknown = script.mayChange
                    throw error
                }
                begin(.timeout)
            case .interrupted:
                // It may have been meant for another exchange of the same connection.
                if ending == nil, interruption.isPending { begin(.cancelled) }
            case .stopped: throw lost(connection, sentAll: true)
            }
            if PQconsumeInput(handle.pointer) != 1 { throw lost(connection, sentAll: true) }
            unsent = PQflush(handle.pointer)
        }
        return PQgetResult(handle.pointer)
    }

    // MARK: Ending early

    private mutating func begin(_ ending: Ending) {
        self.ending = ending
        patience = .now + Self.cancelPatience
        if ending == .tooLarge { failure = failure ?? ending.error }
        guard let handle = CancelHandle(handle) else { return }
        cancel = CancelRequest(handle)
    }

    /// The connection broke. A result of which a part came is nobody's.
    private func lost(_ connection: isolated PostgresConnection, sentAll: Bool) -> PostgresError {
        connection.markUnusable()
        var error = failure ?? PostgresError(.connectionLost, "the connection to PostgreSQL was lost")
        if error.code == .server, error.sqlState?.hasPrefix("57P") == true || error.sqlState == nil {
            error.code = .connectionLost
        }
        // Whatever was not answered may have been done; a script that ends in ROLLBACK does nothing.
        error.outcomeUnknown = sentAll && script.mayChange && error.code == .connectionLost
        return error
    }
}

extension Exchange.Ending {
    fileprivate var error: PostgresError {
        switch self {
        case .timeout: PostgresError(.timeout, "the statement ran past its time limit and was cancelled")
        case .cancelled: PostgresError(.cancelled, "nobody waited for the statement any more")
        case .tooLarge: PostgresError(.resultTooLarge, "the result is larger than the limit")
        }
    }
}

extension PostgresScript {
    /// Whether it may leave something behind.
    fileprivate var mayChange: Bool { !isReadOnly && !rollsBack }

    fileprivate var begin: String {
        isolation.map { "BEGIN ISOLATION LEVEL \($0.uppercased())" } ?? "BEGIN"
    }
}

/// A cancel request under way.
private final class CancelRequest: Sendable {
    private struct State {
        var isFinished = false
        var waiter: CheckedContinuation<Bool, Never>?
    }

    private let state = Mutex(State())

    init(_ handle: CancelHandle) {
        DispatchQueue.global().async {
            handle.send()
            self.state.withLock { $0.isFinished = true }
            self.resume()
        }
    }

    /// Whether the server has taken the request; false where it has not by the deadline, so that a server that answers
    /// nobody holds up nobody.
    func finished(by deadline: ContinuousClock.Instant, on loop: PollLoop) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFinished = state.withLock { state in
                if !state.isFinished { state.waiter = continuation }
                return state.isFinished
            }
            if isFinished { return continuation.resume(returning: true) }
            loop.schedule(at: deadline) { self.resume() }
        }
    }

    private func resume() {
        let (waiter, isFinished) = state.withLock { state in (state.waiter.take(), state.isFinished) }
        waiter?.resume(returning: isFinished)
    }
}
