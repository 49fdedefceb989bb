package import NIOCore
internal import PostgresClient
package import QueryCache
internal import SQLAnalysis

/// How far a request comes without waiting for anything.
package enum Beginning: Sendable {
    /// Memory held the answer.
    ///
    /// - Parameter again: how to look for it when the same request comes again; nil where it has to be read anew each time.
    case answer(Response, again: ReadyLookup?)
    /// A read that the cache may have an answer to, though memory has none.
    case pending(PendingRead)
    /// Anything else.
    case other
}

/// A read whose way is decided, and which memory had no answer to.
package struct PendingRead: Sendable {
    package let ready: ReadyLookup
    let query: QueryRequest
    let plan: ReadPlan
    /// Begun when memory had been looked into, before anything else.
    let lookup: QueryCache.Lookup
    /// When the request had been read.
    let began: NIODeadline

    /// Whether its look-up serves for the same request again.
    package var isWorthRemembering: Bool { ready.place != nil }
}

/// How far a request comes whose look-up is known from an earlier one.
package enum BeginningAgain: Sendable {
    /// Memory held the answer.
    case answer(Response)
    /// Redis is to be asked.
    case askRedis(RedisLookup)
    /// The request has to be read.
    case unknown
}

/// A look-up for which Redis is asked.
package struct RedisLookup: Sendable {
    /// What was known before the question was sent.
    let request: QueryCache.Lookup
    private let question: any SharedQuestion

    fileprivate init(_ request: QueryCache.Lookup, _ question: any SharedQuestion) {
        self.request = request
        self.question = question
    }

    /// Asks, once, and tells the reply on the event loop that this is called on.
    package func ask(on eventLoop: any EventLoop, _ body: @escaping @Sendable (Result<SharedRead, any Error>) -> Void) {
        question.ask(on: eventLoop, body)
    }
}

// The way of a read that memory has no answer to: Redis is asked from the event loop, without a task. Only if that brings no
// answer either a task begins, which runs on the same event loop.
extension QueryProxy {
    /// Begins a request. Called on the event loop that read it.
    package func begin(_ request: ProxyRequest) -> Beginning {
        // Before all that it tells of: a change meanwhile leaves a look-up that is out of date from the start.
        let version = routeVersion
        let began = NIODeadline.now()
        guard case .query(let query) = request, query.invalidate.isEmpty, query.refresh.isEmpty,
            let identity = postgres.identity,
            let statement = statements.known(query.sql),
            let plan = statement.plan(under: query.searchPath, schemaVersion: statements.schemaVersion),
            case .cacheable = plan.cacheability, case .read = statement.shape.kind,
            case .lookup(let lookup) = route(query, statement, plan, identity)
        else { return .other }
        let ready = ReadyLookup(
            lookup,
            statement,
            hasOwnTimeout: query.timeout != nil,
            place: counters.place(of: lookup.namespace),
            version: version
        )
        guard let answer = cache.memoryAnswer(for: lookup.key, policy: lookup.policy) else {
            let begun = cache.sharedLookup(for: lookup.key, tags: lookup.tags, policy: lookup.policy)
            return .pending(PendingRead(ready: ready, query: query, plan: plan, lookup: begun, began: began))
        }
        queries.countMemoryHit(of: statement)
        // An answer that is counted by a name of the caller's own goes the long way each time.
        let again = ready.place == nil ? nil : ready
        return .answer(.answer(counted(answer, namespace: lookup.namespace, since: began)), again: again)
    }

    /// Begins a request that was answered before. Called on the event loop that read it, when
    /// ``writeHit(_:id:since:into:)`` has found nothing: memory may hold an answer too large for that, or one to be refreshed.
    package func begin(again lookup: ReadyLookup, since began: NIODeadline) -> BeginningAgain {
        guard isUpToDate(lookup) else { return .unknown }
        if let answer = cache.memoryAnswer(for: lookup.lookup.key, policy: lookup.lookup.policy) {
            queries.countMemoryHit(of: lookup.statement)
            return .answer(.answer(counted(answer, namespace: lookup.lookup.namespace, since: began)))
        }
        return redisLookup(lookup).map { .askRedis($0) } ?? .unknown
    }

    /// Begins a look-up in Redis; nil where that cannot be asked, the look-up is out of date, or the request has a time of its
    /// own, which Redis is a part of.
    package func redisLookup(for read: PendingRead) -> RedisLookup? { redisLookup(read.ready, read.lookup) }

    /// The same for a request that was answered before.
    private func redisLookup(_ lookup: ReadyLookup) -> RedisLookup? {
        let (key, tags, policy) = (lookup.lookup.key, lookup.lookup.tags, lookup.lookup.policy)
        return redisLookup(lookup, cache.sharedLookup(for: key, tags: tags, policy: policy))
    }

    private func redisLookup(_ lookup: ReadyLookup, _ begun: QueryCache.Lookup) -> RedisLookup? {
        guard isUpToDate(lookup), !lookup.hasOwnTimeout, cache.isSharedStoreUsable else { return nil }
        let (key, tags, policy) = (lookup.lookup.key, lookup.lookup.tags, lookup.lookup.policy)
        if policy.isPlain, policy.usesMemory, cache.canStoreUnasked(begun),
            cache.isInvalidatedInMemory(key) || !lookup.statement.isWorthAskingRedis
        {
            return nil
        }
        guard let question = lookup.question({ cache.sharedQuestion(for: key, tags: tags) }) else { return nil }
        return RedisLookup(begun, question)
    }

    /// The answer, if what Redis said is one.
    package func answer(
        to asked: RedisLookup,
        _ lookup: ReadyLookup,
        _ read: SharedRead,
        since began: NIODeadline
    ) -> Response? {
        let answer = cache.sharedAnswer(to: asked.request, read)
        lookup.statement.askedRedis(hadAnswer: answer != nil)
        guard let answer else { return nil }
        let taken = began.nanosecondsUntilNow
        observe(answer, lookup.lookup, of: lookup.statement, taken: taken)
        return .answer(counted(answer, namespace: lookup.lookup.namespace, taken: taken))
    }

    /// Fetches the answer to a read that neither memory nor Redis has answered, without a task. Called on the event loop that
    /// read it.
    ///
    /// - Parameters:
    ///   - asked: what was asked of Redis for it, and what it said; nil where it was not asked.
    ///   - executor: where a task runs should one be needed after all.
    ///   - body: told the answer once, on any thread, maybe before this returns.
    /// - Returns: nil where ``response(to:after:on:)`` is to be asked; nothing has begun then.
    package func fetch(
        _ read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor,
        _ body: @escaping @Sendable (Response) -> Void
    ) -> QueryCache.Wait? {
        let (ready, query) = (read.ready, read.query)
        let lookup = ready.lookup
        guard !ready.hasOwnTimeout else { return nil }
        let request: QueryCache.Lookup
        if let asked {
            // Another look-up's question says nothing of this one.
            guard asked.0.request.key == lookup.key else { return nil }
            request = asked.0.request
        } else {
            request = read.lookup
        }
        let source = PostgresQuerySource(
            proxy: self,
            request: query,
            statement: ready.statement,
            namespace: lookup.namespace,
            timeout: settings.timeout(nil),
            schemaVersion: read.plan.schemaVersion,
            executor: executor
        )
        return cache.answerPlainly(to: request, after: asked?.1, from: source) { result in
            switch result {
            case .success(let answer): body(self.fetched(answer, read))
            case .failure(is OutdatedPlan):
                Task(executorPreference: executor) { body(await self.response(to: .query(query), since: read.began)) }
            case .failure(let error): body(self.failed(error, read))
            }
        }
    }

    private func fetched(_ answer: CacheAnswer, _ read: PendingRead) -> Response {
        let taken = read.began.nanosecondsUntilNow
        observe(answer, read.ready.lookup, of: read.ready.statement, taken: taken)
        let namespace = read.ready.lookup.namespace
        let response = Response.answer(counted(answer, namespace: namespace, taken: taken))
        noteIfSlow(.query(read.query), response, since: read.began)
        return response
    }

    private func failed(_ error: any Error, _ read: PendingRead) -> Response {
        observeFailure(of: read.query)
        let response = Response.failure(failure(error))
        noteIfSlow(.query(read.query), response, since: read.began)
        return response
    }

    /// The answer to a read that neither memory nor Redis has answered. Never throws: a failure is an answer.
    ///
    /// - Parameters:
    ///   - asked: what was asked of Redis for it, and what it said; nil where it was not asked.
    ///   - executor: where the task runs that asks PostgreSQL.
    package func response(
        to read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor
    ) async -> Response {
        let (ready, query) = (read.ready, read.query)
        // Another look-up's question says nothing of this one.
        let earlier = asked.flatMap { $0.0.request.key == ready.lookup.key ? ($0.0.request, $0.1) : nil }
        do {
            let answer = try await lookedUp(
                ready.lookup,
                query,
                ready.statement,
                read.plan,
                after: earlier,
                on: executor
            )
            return fetched(answer, read)
        } catch is OutdatedPlan {
            return await response(to: .query(query), since: read.began)
        } catch {
            return failed(error, read)
        }
    }
}
