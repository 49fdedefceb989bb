internal import JSONText
internal import NIOCore
internal import PostgresClient
internal import QueryCache
internal import SQLAnalysis

extension QueryProxy {
    /// What would be done with a statement, and where its entry is now. Plans it in PostgreSQL if it is not known yet; runs nothing.
    func explanation(of request: QueryRequest) async throws -> ByteBuffer {
        try settings.check(request.settings)
        let statement = await statements.statement(request.sql)
        try checkIsOneStatement(statement.shape)
        var explanation = Explanation(statement: statement.shape)
        switch statement.shape.kind {
        case .read:
            guard let plan = try await plan(for: statement, request), let identity = postgres.identity else {
                throw await refusal(of: request, statement)
            }
            explanation.tables = plan.tables
            switch route(request, statement, plan, identity) {
            case .bypass(let reason, _, let namespace):
                explanation.namespace = namespace
                explanation.reason = reason
            case .lookup(let lookup):
                explanation.namespace = lookup.namespace
                explanation.tags = lookup.tags.map(\.displayName)
                explanation.cached = await cache.whereabouts(of: lookup.key, tags: lookup.tags, policy: lookup.policy)
            }
            explanation.ttl = ttl(of: request, namespace: explanation.namespace)
        case .write, .unparsed, .refused, .multiple, .empty:
            explanation.reason = statement.shape.isWrite ? "write" : "unsupported_statement"
            explanation.tables = statement.shape.relations
            explanation.namespace = request.namespace ?? Namespaces.defaultName
        }
        return explanation.members
    }

    /// PostgreSQL's own words about a statement that it would not plan.
    private func refusal(of request: QueryRequest, _ statement: KnownStatement) async -> ProxyError {
        do {
            let source = PostgresCatalogSource(pool: postgres, timeout: settings.statementTimeout)
            _ = try await statements.facts(of: statement, searchPath: request.searchPath, from: source)
            return ProxyError(.postgresUnavailable, "PostgreSQL cannot be reached")
        } catch {
            var failure = ProxyError(any: error)
            failure.position = failure.position.flatMap {
                statement.shape.position(inText: request.sql, ofFactsPosition: $0)
            }
            return failure
        }
    }
}

extension StatementShape {
    fileprivate var isWrite: Bool { if case .write = kind { true } else { false } }
}

extension Tag {
    /// As `explain` shows it.
    fileprivate var displayName: String {
        switch self {
        case .epoch: "epoch"
        case .anyTable: "table:*"
        case .table(let name), .wholeTable(let name): "table:\(name)"
        case .row(let table, let bucket): "row:\(table)#\(bucket)"
        case .namespace(let name): "ns:\(name)"
        case .user(let name): name
        }
    }
}

/// The answer to `explain`.
private struct Explanation {
    let statement: StatementShape
    var namespace = Namespaces.defaultName
    var reason: String?
    /// Milliseconds.
    var ttl: Int64?
    var tables: [String] = []
    var tags: [String] = []
    var cached = Whereabouts()

    init(statement: StatementShape) {
        self.statement = statement
    }

    var members: ByteBuffer {
        var buffer = ByteBuffer(string: "\"ok\":true,\"statement\":")
        buffer.writeJSONString(statement.canonicalText)
        buffer.writeStaticString(",\"fingerprint\":")
        buffer.writeJSONString(statement.fingerprint)
        buffer.writeStaticString(",\"ns\":")
        buffer.writeJSONString(namespace)
        buffer.writeStaticString(",\"ttl\":")
        if let ttl { buffer.writeSeconds(ttl) } else { buffer.writeStaticString("0") }
        buffer.writeString(",\"cacheable\":\(reason == nil)")
        if let reason {
            buffer.writeStaticString(",\"reason\":")
            buffer.writeJSONString(reason)
        }
        buffer.writeStaticString(",\"tables\":")
        buffer.writeJSONStrings(tables)
        buffer.writeStaticString(",\"tags\":")
        buffer.writeJSONStrings(tags)
        buffer.writeStaticString(",\"cached\":")
        writePlaces(into: &buffer)
        return buffer
    }

    private func writePlaces(into buffer: inout ByteBuffer) {
        let places = [("memory", cached.memory), ("redis", cached.redis)].compactMap { name, place in
            place.map { "\"\(name)\":{\"age_ms\":\($0.age),\"ttl_ms\":\($0.remaining)}" }
        }
        buffer.writeString(places.isEmpty ? "null" : "{\(places.joined(separator: ","))}")
    }
}

extension ByteBuffer {
    /// Milliseconds as seconds: `300`, `0.25`.
    mutating func writeSeconds(_ milliseconds: Int64) {
        writeDecimal(milliseconds / 1000)
        let rest = milliseconds % 1000
        if rest > 0 {
            let digits = String(1000 + rest).dropFirst()
            writeString(".\(digits)")
        }
    }
}
