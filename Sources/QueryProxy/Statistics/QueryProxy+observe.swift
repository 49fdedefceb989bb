internal import QueryCache
internal import SQLAnalysis

// What is observed of single statements and of namespaces, for the figures of queries and for advice. A hit in memory
// is observed by `QueryTable.countMemoryHit(of:)` alone.
extension QueryProxy {
    /// An answer for which the cache was asked.
    ///
    /// - Parameter taken: nanoseconds.
    func observe(_ answer: CacheAnswer, _ lookup: CacheLookup, of statement: KnownStatement, taken: UInt64) {
        let described = QueryAnswer(answer)
        let (source, reason) = (described.source, described.reason)
        // What waited for another's flight waited for PostgreSQL, not for the cache.
        let isOwn = source == .redis || source == .miss
        let answered = AnsweredQuery(
            source: source,
            namespace: lookup.namespace,
            reason: reason?.withoutCulprit,
            key: lookup.key,
            cause: answer.cause,
            ttl: lookup.policy.ttl
        )
        namespaces.count(answered, lookupMicroseconds: isOwn ? Int(taken / 1000) : 0)
        queries.count(answered, of: statement)
    }

    /// An answer for which it was not asked.
    func observe(_ source: AnswerSource, reason: String?, namespace: String? = nil, of statement: KnownStatement) {
        let answered = AnsweredQuery(
            source: source,
            namespace: namespace ?? Namespaces.defaultName,
            reason: reason?.withoutCulprit
        )
        namespaces.count(answered, lookupMicroseconds: 0)
        queries.count(answered, of: statement)
    }

    /// A statement that was one, and failed.
    func observeFailure(of request: QueryRequest) {
        guard let statement = statements.known(request.sql) else { return }
        switch statement.shape.kind {
        case .read, .write, .unparsed: queries.countError(of: statement)
        case .refused, .multiple, .empty: break
        }
    }

    /// Runs a question to PostgreSQL and counts it if it was answered.
    ///
    /// - Parameter namespace: for whose look-up it is, if it is for one.
    func timed<Answer>(
        _ statement: KnownStatement,
        namespace: String? = nil,
        size: (Answer) -> Int,
        _ ask: () async throws -> Answer
    ) async throws -> Answer {
        let start = ContinuousClock.now
        let answer = try await ask()
        countFetch(of: statement, namespace, since: start, bytes: size(answer))
        return answer
    }

    func countFetch(
        of statement: KnownStatement,
        _ namespace: String?,
        since start: ContinuousClock.Instant,
        bytes: Int
    ) {
        let microseconds = start.duration(to: .now).wholeMicroseconds
        queries.countFetch(of: statement, microseconds: microseconds, bytes: bytes)
        if let namespace { namespaces.countFetch(namespace, microseconds: microseconds, bytes: bytes) }
    }
}

extension String {
    /// What stands behind the colon may be anybody's text.
    fileprivate var withoutCulprit: String { String(prefix { $0 != ":" }) }
}

extension Duration {
    var wholeMicroseconds: Int {
        Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
    }
}
