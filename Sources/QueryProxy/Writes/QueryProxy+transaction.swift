internal import JSONText
internal import NIOCore
internal import PostgresClient
internal import SQLAnalysis

extension QueryProxy {
    /// Runs all statements in one transaction, and invalidates once after its COMMIT.
    func run(_ request: TransactionRequest) async throws -> ByteBuffer {
        let began = NIODeadline.now()
        try settings.check(request.settings)
        var changesSchema = false
        var reads: [Bool] = []
        var known: [KnownStatement] = []
        for (index, statement) in request.statements.enumerated() {
            known.append(await statements.statement(statement.sql))
            let shape = known[index].shape
            do throws(ProxyError) {
                try shape.checkInTransaction()
            } catch {
                var error = error
                error.statement = index
                throw error
            }
            if shape.changesSchema { changesSchema = true }
            if case .read = shape.kind { reads.append(true) } else { reads.append(false) }
        }
        let (results, written) = try await runScript(request, changesSchema: changesSchema)
        let invalidation = await invalidate(written, request.invalidate)
        var body = ByteBuffer(string: "\"ok\":true,\"results\":[")
        // Its statements share its time.
        let taken = began.nanosecondsUntilNow / UInt64(max(1, results.count))
        for (index, result) in results.enumerated() {
            if index > 0 { body.writeStaticString(",") }
            let reason = reads[index] ? "in_transaction" : "write"
            observe(.bypass, reason: reason, of: known[index])
            counters.answered(.bypass, reason: reason, namespace: Namespaces.defaultName, taken: taken)
            body.writeString("{\"ok\":true,\"cache\":\"bypass\",\"reason\":\"\(reason)\",")
            body.writeImmutableBuffer(result.body)
            if !reads[index] {
                body.writeStaticString(",\"command\":")
                body.writeJSONString(result.command)
            }
            body.writeStaticString("}")
        }
        body.writeStaticString("],")
        body.writeInvalidation(invalidation)
        if !request.refresh.isEmpty {
            body.writeStaticString(",")
            await refresh(request.refresh, into: &body)
        }
        return body
    }

    private func runScript(
        _ request: TransactionRequest,
        changesSchema: Bool
    ) async throws -> ([PostgresResult], WrittenRelations) {
        var steps = request.statements.map { statement in
            var step = PostgresStep(sql: statement.sql, parameters: statement.parameters.map { PostgresParameter($0) })
            step.output = .json
            step.planKey = request.settings.planKey
            return step
        }
        steps.append(WrittenRelations.look)
        var script = PostgresScript(steps: steps)
        script.configure(request.settings, settings.timeout(request.timeout), settings)
        script.runsInTransaction = true
        script.isolation = request.isolation.rawValue
        script.mayLeaveSessionState = true
        do {
            var results = try await postgres.run(script)
            var written = WrittenRelations(rows: results.removeLast().rows)
            written.judge(commands: results.map(\.command), changesSchema: changesSchema)
            return (results, written)
        } catch {
            var failure = ProxyError(error)
            if let step = error.stepIndex, step < request.statements.count { failure.statement = step }
            if error.outcomeUnknown {
                await outcomeIsUnknown(after: error, request.invalidate)
                failure.message += "; whether the transaction was committed is unknown"
            }
            throw failure
        }
    }
}

extension StatementShape {
    /// What a session allows, a transaction of one request allows too, as long as it ends with the transaction.
    fileprivate func checkInTransaction() throws(ProxyError) {
        switch kind {
        case .read, .write, .unparsed: break
        case .multiple: throw ProxyError(.badRequest, "exactly one statement is expected in each element")
        case .empty: throw ProxyError(.badRequest, "there is no statement")
        case .refused(let name, let advice):
            guard isAllowedInTransaction else {
                throw ProxyError(.badRequest, "\(name) is not for a transaction of one request; \(advice)")
            }
        }
        if !canRunInTransaction {
            throw ProxyError(.badRequest, "this statement cannot run inside a transaction")
        }
    }
}
