internal import JSONText
package import Logging
package import NIOCore
package import PostgresClient
package import QueryCache
package import RedisClient
package import SQLAnalysis
package import Sessions
internal import Synchronization

/// The request path: from a request to its answer.
///
/// ```
/// text ─ known? ─ shape ─ facts ─ key and policy ─ memory ─ Redis ─ one flight ─ PostgreSQL
///   │                │        └ not cacheable: PostgreSQL, and a look at what it wrote
///   └ refused        └ writes: PostgreSQL, a look at what it wrote, invalidation
/// ```
///
/// A hit in memory is found by ``begin(_:)`` without waiting for anything, one in Redis by ``redisLookup(for:)`` without a task;
/// everything else by ``response(to:after:on:)`` and ``response(to:on:)``.
package final class QueryProxy: Sendable {
    private let reloadable: Reloadable<QueryProxySettings>
    let settingsVersion = Atomic<UInt64>(0)
    let postgres: PostgresPool
    let redis: RedisClient?
    /// The cache service's.
    let values: any ValueStore
    /// Nil where there is no Redis, and memory was not chosen for them.
    let sessions: (any SessionStore)?
    let cache: QueryCache
    let statements: Statements
    let counters: RequestCounters
    let queries = QueryTable()
    let namespaces = NamespaceTable()
    let channel: InvalidationChannel?
    let lostBackends = LostBackends()
    let logger: Logger
    private let defects = Mutex(LineThrottle(limit: 10))
    let lastKeyHead = Mutex<QueryKey.Head?>(nil)
    private let slowRequests = SlowRequests()
    let startedAt = ContinuousClock.now

    package init(
        settings: QueryProxySettings,
        postgres: PostgresPool,
        redis: RedisClient?,
        cache: QueryCache,
        values: any ValueStore,
        sessions: (any SessionStore)? = nil,
        channel: InvalidationChannel?,
        analyzer: SQLAnalyzer,
        logger: Logger
    ) {
        reloadable = Reloadable(settings)
        self.postgres = postgres
        self.redis = redis
        self.cache = cache
        self.values = values
        self.sessions = sessions
        self.channel = channel
        self.statements = Statements(limit: settings.rememberedStatements, analyzer: analyzer)
        self.counters = RequestCounters(namespaces: settings.namespaces.names)
        self.logger = logger
    }

    var settings: QueryProxySettings { reloadable.value }

    /// Takes other settings under way. A lower time to live counts for what is stored already; `rememberedStatements` stays.
    package func reload(_ settings: QueryProxySettings) {
        let tables = self.settings.namespaces
        reloadable.replace(with: settings)
        settingsVersion.add(1, ordering: .releasing)
        // A statement remembers the namespace that it was found to belong to. The settings are replaced first: whoever
        // analyses it anew finds the new ones.
        if !settings.namespaces.hasSameNames(as: tables) { statements.forgetFacts() }
    }

    /// The answer to any request. A failure is an answer too.
    package func response(to request: ProxyRequest, on eventLoop: any EventLoop) async -> Response {
        await response(to: request, since: .now())
    }

    func response(to request: ProxyRequest, since began: NIODeadline) async -> Response {
        let response = await answered(request)
        noteIfSlow(request, response, since: began)
        return response
    }

    /// Whether a request that began then is one that the log shall tell of.
    package func isSlow(since began: NIODeadline) -> Bool {
        settings.slowRequest.map { began.nanosecondsUntilNow >= UInt64(clamping: $0) * 1_000_000 } ?? false
    }

    /// Writes a line to the log if the request took too long.
    package func noteIfSlow(_ request: ProxyRequest, _ response: Response, since began: NIODeadline) {
        guard isSlow(since: began) else { return }
        let taken = Duration.nanoseconds(Int64(clamping: began.nanosecondsUntilNow))
        slowRequests.note(request, response, took: taken, settings, statements, logger)
    }

    private func answered(_ request: ProxyRequest) async -> Response {
        do {
            switch request {
            case .query(let query): return try await answer(to: query)
            case .explain(let query): return .members(try await explanation(of: query))
            case .transaction(let transaction): return .members(try await run(transaction))
            case .invalidate(let request): return .members(try await invalidate(request))
            case .value(let request): return .members(try await answer(to: request))
            case .session(let request): return .members(try await answer(to: request))
            case .stats: return .members(statistics())
            }
        } catch {
            if case .query(let query) = request { observeFailure(of: query) }
            return .failure(failure(error))
        }
    }

    /// The error as the client gets it; what nobody foresaw is logged here.
    func failure(_ error: any Error) -> ProxyError {
        let failure = ProxyError(any: error)
        counters.failed(failure.code)
        if failure.code == .internal { note(defect: error) }
        return failure
    }

    private func note(defect error: any Error) {
        let second = startedAt.duration(to: .now).components.seconds
        guard let heldBack = defects.withLock({ $0.admit(in: second) }) else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if heldBack > 0 { metadata["held_back"] = "\(heldBack)" }
        logger.error("internal error", metadata: metadata)
    }

    /// A front end could not make a request of what it got.
    package func refused(_ error: ProxyError) {
        counters.failed(error.code)
    }

    /// Counts an answer of the cache.
    ///
    /// - Parameter began: when the request came.
    func counted(_ answer: CacheAnswer, namespace: String, since began: NIODeadline) -> QueryAnswer {
        counted(answer, namespace: namespace, taken: began.nanosecondsUntilNow)
    }

    /// - Parameter taken: nanoseconds.
    func counted(_ answer: CacheAnswer, namespace: String, taken: UInt64) -> QueryAnswer {
        let cost = answer.cost
        let answer = QueryAnswer(answer)
        counters.answered(
            answer.source,
            reason: answer.reason,
            namespace: namespace,
            spared: answer.source.isHit ? cost.multipliedReportingOverflow(by: 1000).partialValue : 0,
            taken: taken
        )
        return answer
    }

    /// Counts an answer for which the cache was not asked.
    func counted(_ answer: QueryAnswer, namespace: String, since began: NIODeadline) -> QueryAnswer {
        counters.answered(
            answer.source,
            reason: answer.reason,
            namespace: namespace,
            taken: began.nanosecondsUntilNow
        )
        return answer
    }
}

extension QueryRequest {
    /// The only setting that changes what a name stands for.
    var searchPath: String? { settings.first { $0.name == "search_path" }?.value }
}

extension AnswerSource {
    /// Whether PostgreSQL was spared a query.
    fileprivate var isHit: Bool {
        switch self {
        case .memory, .redis, .shared, .stale: true
        case .miss, .bypass: false
        }
    }
}

extension NIODeadline {
    var nanosecondsUntilNow: UInt64 { UInt64(max(0, (NIODeadline.now() - self).nanoseconds)) }
}

extension QueryAnswer {
    init(_ answer: CacheAnswer) {
        var reason: String?
        let source: AnswerSource
        switch answer.source {
        case .memory: source = .memory
        case .redis: source = .redis
        case .miss: source = .miss
        case .shared: source = .shared
        case .stale: source = .stale
        case .bypass(let why):
            source = .bypass
            reason = why
        }
        self.init(
            source: source,
            reason: reason,
            age: reason == nil ? answer.age : nil,
            remaining: reason == nil ? answer.remaining : nil,
            body: answer.body
        )
    }
}
