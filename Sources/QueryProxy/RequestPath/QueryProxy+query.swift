internal import NIOCore
internal import PostgresClient
internal import QueryCache
internal import SQLAnalysis

extension QueryProxy {
    /// How often a statement is analysed anew because the schema changed under its look-up.
    private static let planAttempts = 5

    /// One statement's way.
    func answer(to request: QueryRequest) async throws -> Response {
        let began = NIODeadline.now()
        try settings.check(request.settings)
        let statement = await statements.statement(request.sql)
        try checkIsOneStatement(statement.shape)
        switch statement.shape.kind {
        case .write:
            return try await write(
                request,
                statement,
                reason: "write",
                effect: .looked(statement.shape),
                since: began
            )
        case .read:
            for _ in 0..<Self.planAttempts {
                do {
                    return try await read(request, statement, since: began)
                } catch is OutdatedPlan {
                    continue
                }
            }
            // A schema that changes all the time is asked past the cache.
            var request = request
            request.usesCache = false
            return try await read(request, statement, since: began)
        case .unparsed, .refused, .multiple, .empty:
            return try await write(
                request,
                statement,
                reason: "unsupported_statement",
                effect: .unknown,
                since: began
            )
        }
    }

    func checkIsOneStatement(_ shape: StatementShape) throws(ProxyError) {
        switch shape.kind {
        case .refused(let name, let advice):
            throw ProxyError(
                .badRequest,
                "\(name) makes sense only in a session, and connections are shared; \(advice)"
            )
        case .multiple:
            throw ProxyError(.badRequest, "exactly one statement is expected; use the op \"transaction\" for several")
        case .empty:
            throw ProxyError(.badRequest, "there is no statement")
        case .read, .write, .unparsed: break
        }
    }

    private func read(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        since began: NIODeadline
    ) async throws -> Response {
        if !request.invalidate.isEmpty || !request.refresh.isEmpty {
            throw ProxyError(.badRequest, "\"invalidate\" and \"refresh\" are for statements that write")
        }
        guard let plan = try await plan(for: statement, request), let identity = postgres.identity else {
            // PostgreSQL would not plan it. What it says of the statement itself is the better message; and should it
            // run after all, nothing is known of it.
            return try await write(
                request,
                statement,
                reason: "unsupported_statement",
                effect: .looked(statement.shape),
                since: began
            )
        }
        switch route(request, statement, plan, identity) {
        case .bypass(let reason, mayWrite: true, _):
            return try await write(
                request,
                statement,
                reason: reason,
                effect: .looked(statement.shape),
                since: began
            )
        case .bypass(let reason, mayWrite: false, let namespace):
            let source = PostgresQuerySource(
                proxy: self,
                request: request,
                statement: statement,
                timeout: settings.timeout(request.timeout)
            )
            let answer = QueryAnswer(source: .bypass, reason: reason, body: try await source.fetch())
            observe(.bypass, reason: reason, namespace: namespace, of: statement)
            return .answer(counted(answer, namespace: namespace, since: began))
        case .lookup(let lookup):
            let start = NIODeadline.now()
            let answer = try await lookedUp(lookup, request, statement, plan)
            observe(answer, lookup, of: statement, taken: start.nanosecondsUntilNow)
            return .answer(counted(answer, namespace: lookup.namespace, since: began))
        }
    }

    /// A flight is shared, so it gets at least the usual time; who wants less leaves it at his own time-out.
    ///
    /// - Parameters:
    ///   - earlier: a look-up that memory had no answer for, and what Redis said then; nil where neither was asked.
    ///   - executor: where the task runs that asks PostgreSQL; nil for any thread.
    func lookedUp(
        _ lookup: CacheLookup,
        _ request: QueryRequest,
        _ statement: KnownStatement,
        _ plan: ReadPlan,
        after earlier: (QueryCache.Lookup, SharedRead?)? = nil,
        on executor: (any TaskExecutor)? = nil
    ) async throws -> CacheAnswer {
        let own = settings.timeout(request.timeout)
        let source = PostgresQuerySource(
            proxy: self,
            request: request,
            statement: statement,
            namespace: lookup.namespace,
            timeout: max(own, settings.timeout(nil)),
            schemaVersion: plan.schemaVersion,
            executor: executor
        )
        if own >= settings.timeout(nil) { return try await answer(to: lookup, after: earlier, from: source) }
        do {
            return try await within(own) { try await self.answer(to: lookup, after: earlier, from: source) }
        } catch let error as ProxyError where error.code == .timeout {
            // Too slow for this caller.
            let stale = await cache.staleAnswer(for: lookup.key, tags: lookup.tags, policy: lookup.policy)
            guard let stale else { throw error }
            return stale
        }
    }

    private func answer(
        to lookup: CacheLookup,
        after earlier: (QueryCache.Lookup, SharedRead?)?,
        from source: PostgresQuerySource
    ) async throws -> CacheAnswer {
        if let (request, read) = earlier { return try await cache.answer(to: request, after: read, from: source) }
        return try await cache.answer(for: lookup.key, tags: lookup.tags, policy: lookup.policy, from: source)
    }

    /// Waits for what others may wait for too, so many milliseconds at most. The body must end soon when it is cancelled.
    private func within<Result: Sendable>(
        _ milliseconds: Int64,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else {
                throw ProxyError(.timeout, "the statement was cancelled after \(milliseconds) ms")
            }
            return result
        }
    }

    /// What the server says of a statement that reads, or nil where PostgreSQL refuses to plan it.
    func plan(for statement: KnownStatement, _ request: QueryRequest) async throws -> ReadPlan? {
        let path = request.searchPath
        if let plan = statement.plan(under: path, schemaVersion: statements.schemaVersion) { return plan }
        let source = PostgresCatalogSource(pool: postgres, timeout: settings.statementTimeout)
        do {
            let (facts, version) = try await within(settings.timeout(request.timeout)) { [statements] in
                try await statements.facts(of: statement, searchPath: path, from: source)
            }
            let namespace = settings.namespaces.name(
                forTables: facts.tables,
                firstNamed: statement.shape.relations.first.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
            )
            let plan = ReadPlan(
                tables: facts.tables,
                readsUnknown: facts.readsUnknown,
                cacheability: facts.cacheability,
                namespace: namespace,
                schemaVersion: version,
                rowKey: facts.rowKey
            )
            statement.remember(plan, under: path)
            return plan
        } catch let error as PostgresError where error.code == .server || error.code == .invalidParameter {
            return nil
        }
    }
}
