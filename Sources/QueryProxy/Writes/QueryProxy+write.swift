internal import JSONText
internal import NIOCore
internal import PostgresClient
internal import QueryCache
internal import SQLAnalysis

/// What is to be found out about what a statement changes.
enum WriteEffect {
    /// By a look at the locks before COMMIT, as far as its shape allows.
    case looked(StatementShape)
    /// Nothing can be told: everything counts as changed.
    case unknown
}

extension QueryProxy {
    /// Runs a statement that may write: its COMMIT, then the invalidation, then the answer.
    func write(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        reason: String,
        effect: WriteEffect,
        since began: NIODeadline
    ) async throws -> Response {
        let outcome = try await timed(statement, size: \.result.body.readableBytes) {
            try await runWrite(request, statement, effect)
        }
        let invalidation = await invalidate(outcome.written, request.invalidate)
        // A function that may write but did not is told from one that did.
        let isWrite = reason == "write" || !outcome.written.isEmpty
        var body = outcome.result.body
        if isWrite {
            body.writeStaticString(",\"command\":")
            body.writeJSONString(outcome.result.command)
            body.writeStaticString(",")
            body.writeInvalidation(invalidation)
            if !request.refresh.isEmpty {
                body.writeStaticString(",")
                await refresh(request.refresh, into: &body)
            }
        }
        let answer = QueryAnswer(source: .bypass, reason: isWrite ? "write" : reason, body: body)
        observe(.bypass, reason: answer.reason, namespace: request.namespace, of: statement)
        return .answer(counted(answer, namespace: request.namespace ?? Namespaces.defaultName, since: began))
    }

    private struct Outcome {
        var result: PostgresResult
        var written: WrittenRelations
    }

    private func runWrite(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        _ effect: WriteEffect
    ) async throws -> Outcome {
        let deadline = ContinuousClock.now + .milliseconds(settings.timeout(request.timeout))
        guard case .looked(let shape) = effect, shape.canRunInTransaction else {
            return try await runAlone(request, statement, until: deadline)
        }
        let catalog = PostgresCatalogSource(pool: postgres, timeout: settings.timeout(request.timeout))
        // What the catalogs cannot tell of a wrong statement, PostgreSQL says itself when it is run.
        let version = statements.schemaVersion
        if let facts = try? await statements.writeFacts(of: statement, searchPath: request.searchPath, from: catalog),
            case .only(let table, let key) = facts
        {
            var outcome = try await runUnwatched(request, statement, changing: table, until: deadline)
            // The key may have been another one when the rows were changed.
            if let keys = keys(key, of: statement, request), statements.schemaVersion == version {
                outcome.written.rows = keys.map { .row(table: table, key: $0) }
            }
            return outcome
        }
        var script = PostgresScript(
            steps: [PostgresStep(request, statement, output: .json), WrittenRelations.look]
        )
        script.configure(request.settings, until: deadline, settings)
        script.runsInTransaction = true
        script.mayLeaveSessionState = true
        do {
            let results = try await postgres.run(script)
            var written = WrittenRelations(rows: results[1].rows)
            written.judge(commands: [results[0].command], changesSchema: shape.changesSchema)
            return Outcome(result: results[0], written: written)
        } catch {
            if error.needsToBeAlone { return try await runAlone(request, statement, until: deadline) }
            if error.outcomeUnknown { throw await unknownOutcome(error, request) }
            throw error
        }
    }

    /// A statement of which it is proved what it changes: as PostgreSQL would run it for anybody, without a look.
    private func runUnwatched(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        changing table: String,
        until deadline: ContinuousClock.Instant
    ) async throws -> Outcome {
        var script = PostgresScript(steps: [PostgresStep(request, statement, output: .json)])
        script.configure(request.settings, until: deadline, settings)
        var written = WrittenRelations()
        written.tables = [table]
        do {
            return Outcome(result: try await postgres.run(script)[0], written: written)
        } catch {
            if error.outcomeUnknown { throw await unknownOutcome(error, request) }
            throw error
        }
    }

    /// Outside a transaction of ours, where nothing can be told of what it changes.
    private func runAlone(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        until deadline: ContinuousClock.Instant
    ) async throws -> Outcome {
        var step = PostgresStep(request, statement, output: .json)
        step.isPrepared = false
        var script = PostgresScript(steps: [step])
        script.configure(request.settings, until: deadline, settings)
        script.mayLeaveSessionState = true
        do {
            return Outcome(result: try await postgres.run(script)[0], written: .everything)
        } catch {
            if error.outcomeUnknown { throw await unknownOutcome(error, request) }
            if error.mayHaveCommittedParts { _ = await invalidate(.everything, []) }
            throw error
        }
    }

    /// What was not answered may have been committed.
    private func unknownOutcome(_ error: PostgresError, _ request: QueryRequest) async -> ProxyError {
        await outcomeIsUnknown(after: error, request.invalidate)
        var failure = ProxyError(error)
        failure.message += "; whether the statement was committed is unknown"
        return failure
    }

    /// What an invalidation reached, as the answer tells it.
    struct InvalidationReport {
        var tables: [String]
        var tags: [String]
        var isComplete: Bool
    }

    func invalidate(_ written: WrittenRelations, _ own: [String]) async -> InvalidationReport {
        if written.changedSchema {
            forgetSchema()
        }
        var tags = written.tags
        if written.rows != nil, !cache.guards.rowWritesReachTables {
            tags = tags.filter { if case .row = $0 { true } else { false } }
        }
        var patterns: [String] = []
        for name in own {
            if Glob.isPattern(name) { patterns.append(name) } else { tags.insert(.user(name)) }
        }
        var isComplete = true
        let invalidation = Invalidation(tags: tags, patterns: patterns)
        if !invalidation.isEmpty { isComplete = await drop(invalidation) }
        return InvalidationReport(tables: written.isUnknown ? ["*"] : written.tables, tags: own, isComplete: isComplete)
    }

    /// Runs the reads that shall be stored with what was just written.
    func refresh(_ requests: [QueryRequest], into body: inout ByteBuffer) async {
        body.writeStaticString("\"refreshed\":[")
        for (index, request) in requests.enumerated() {
            if index > 0 { body.writeStaticString(",") }
            var request = request
            request.maximumAge = 0
            let response: Response
            do {
                response = try await readOnly(request)
            } catch {
                response = .failure(failure(error))
            }
            body.writeStaticString("{")
            response.writeHead(into: &body)
            if let rows = response.body { body.writeImmutableBuffer(rows) }
            body.writeStaticString("}")
        }
        body.writeStaticString("]")
    }

    private func readOnly(_ request: QueryRequest) async throws -> Response {
        guard case .read = await statements.statement(request.sql).shape.kind else {
            throw ProxyError(.badRequest, "\"refresh\" is for statements that read")
        }
        return try await answer(to: request)
    }
}

extension WrittenRelations {
    static var everything: WrittenRelations {
        var everything = WrittenRelations()
        everything.isUnknown = true
        everything.changedSchema = true
        return everything
    }
}

extension PostgresError {
    /// A procedure that ends transactions itself, or a statement that PostgreSQL runs in no transaction. The attempt was
    /// rolled back; alone, it may.
    fileprivate var needsToBeAlone: Bool { sqlState == "2D000" || sqlState == "25001" }

    /// Of a statement that ran alone: a procedure that failed after a COMMIT of its own. One whose text is at fault, which
    /// has a position, did not begin.
    fileprivate var mayHaveCommittedParts: Bool {
        switch code {
        case .server: position == nil
        case .timeout, .cancelled, .resultTooLarge, .connectionLost: true
        case .unavailable, .acquireTimeout, .invalidParameter, .shuttingDown: false
        }
    }
}

extension ByteBuffer {
    mutating func writeInvalidation(_ invalidation: QueryProxy.InvalidationReport) {
        writeStaticString("\"invalidated\":{\"tables\":")
        writeJSONStrings(invalidation.tables)
        writeStaticString(",\"tags\":")
        writeJSONStrings(invalidation.tags)
        writeString(",\"complete\":\(invalidation.isComplete)}")
    }

    mutating func writeJSONStrings(_ strings: [String]) {
        writeStaticString("[")
        for (index, string) in strings.enumerated() {
            if index > 0 { writeStaticString(",") }
            writeJSONString(string)
        }
        writeStaticString("]")
    }
}
