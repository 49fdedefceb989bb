/// What would be done with a statement.
public struct Explanation: Hashable, Sendable {
    /// An entry, where it is now.
    public struct Entry: Hashable, Sendable {
        public let age: Duration
        public let timeToLive: Duration
    }

    /// The canonical text: spacing, comments and case of keywords and names gone.
    public let statement: String
    /// The same for statements that differ in constants alone.
    public let fingerprint: String
    public let namespace: String
    public let timeToLive: Duration
    public let isCacheable: Bool
    /// Why not, where it is not.
    public let reason: String?
    public let tables: [String]
    /// What an entry would depend on.
    public let tags: [String]
    /// In the proxy's memory.
    public let inMemory: Entry?
    public let inRedis: Entry?
}

extension CisternClient {
    /// Tells whether a statement's answer would be stored, under what, and where its entry is now. Runs nothing.
    ///
    /// - Throws: ``CisternError``.
    public func explain(
        _ sql: String,
        _ parameters: [CisternValue] = [],
        options: QueryOptions = QueryOptions()
    ) async throws(CisternError) -> Explanation {
        let answer = try await ask("explain") { line in
            line.add(CisternStatement(sql, parameters))
            line.add(options)
        }
        return try Explanation(answer)
    }

    /// Counters and sizes of the server; the names are those of its documentation.
    ///
    /// - Throws: ``CisternError``.
    public func stats() async throws(CisternError) -> CisternValue {
        try await ask("stats").value
    }

    /// Returns when the server has answered.
    ///
    /// - Throws: ``CisternError``.
    public func ping() async throws(CisternError) {
        _ = try await ask("ping").bool("pong")
    }

    /// The server's version and limits.
    ///
    /// - Throws: ``CisternError``.
    public func hello() async throws(CisternError) -> ServerGreeting {
        try ServerGreeting(try await ask("hello"))
    }
}

extension Explanation {
    init(_ answer: Answer) throws(CisternError) {
        statement = try answer.string("statement")
        fingerprint = try answer.string("fingerprint")
        namespace = try answer.string("ns")
        timeToLive = .seconds(answer.optional("ttl")?.double ?? 0)
        isCacheable = try answer.bool("cacheable")
        reason = answer.optional("reason")?.string
        tables = answer.optional("tables")?.array?.compactMap(\.string) ?? []
        tags = answer.optional("tags")?.array?.compactMap(\.string) ?? []
        let cached = answer.optional("cached")
        inMemory = Entry(cached?["memory"])
        inRedis = Entry(cached?["redis"])
    }
}

extension Explanation.Entry {
    fileprivate init?(_ value: CisternValue?) {
        guard let age = value?["age_ms"]?.double, let timeToLive = value?["ttl_ms"]?.double else { return nil }
        self.init(age: .milliseconds(age), timeToLive: .milliseconds(timeToLive))
    }
}
