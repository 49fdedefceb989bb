internal import PostgresClient
internal import QueryCache
internal import SQLAnalysis
internal import Synchronization

/// A look into the cache: everything that it needs.
struct CacheLookup {
    let key: CacheKey
    let tags: TagList
    let policy: CachePolicy
    let namespace: String
}

/// Where a statement that reads goes.
enum ReadRoute {
    case lookup(CacheLookup)
    /// PostgreSQL, and nothing is stored. `mayWrite` where nobody can promise that it only reads.
    case bypass(reason: String, mayWrite: Bool, namespace: String)
}

extension QueryProxy {
    /// Decides where a read goes. Waits for nothing: it is on the way of a hit in memory.
    func route(
        _ request: QueryRequest,
        _ statement: KnownStatement,
        _ plan: ReadPlan,
        _ identity: PostgresIdentity
    ) -> ReadRoute {
        let namespace = request.namespace ?? plan.namespace
        guard settings.allows(request.settings) else {
            return .bypass(reason: "", mayWrite: true, namespace: namespace)
        }
        if let reason = plan.cacheability.reason {
            let mayWrite = statement.shape.bypass.reason != nil || !Self.readsOnly(reason)
            return .bypass(reason: reason, mayWrite: mayWrite, namespace: namespace)
        }
        if let parameter = request.parameters.first(where: { $0.isDateTimeInput }) {
            return .bypass(reason: "time_dependent:\(parameter.shortText)", mayWrite: false, namespace: namespace)
        }
        if !request.usesCache { return .bypass(reason: "client_request", mayWrite: false, namespace: namespace) }
        let configured = settings.namespaces.settings(of: namespace)
        let ttl = ttl(of: request, namespace: namespace)
        if ttl <= 0 { return .bypass(reason: "ttl_zero", mayWrite: false, namespace: namespace) }

        let key = QueryKey.key(
            head: keyHead(for: identity),
            canonicalText: statement.shape.canonicalText,
            request: request,
            namespace: namespace,
            tags: request.tags
        )
        var policy = CachePolicy(ttl: ttl)
        policy.maximumAge = request.maximumAge.map { Int64($0) }
        policy.strict = request.consistency == .strict
        policy.usesMemory = configured.usesMemory
        policy.staleWhileRevalidate = configured.staleWhileRevalidate
        policy.staleIfError = configured.staleIfError
        policy.refreshesEarly = configured.refreshesEarly
        policy.namespace = namespace
        policy.missLimit = configured.missLimit
        return .lookup(
            CacheLookup(
                key: key,
                tags: plan.tags(
                    namespace: namespace,
                    own: request.tags,
                    keys: keys(plan.rowKey, of: statement, request)
                ),
                policy: policy,
                namespace: namespace
            )
        )
    }
}

extension QueryProxy {
    /// Made once for as long as PostgreSQL stays the same.
    private func keyHead(for identity: PostgresIdentity) -> QueryKey.Head {
        lastKeyHead.withLock { last in
            if let last, last.identity == identity { return last }
            let head = QueryKey.Head(for: identity)
            last = head
            return head
        }
    }

    /// The keys of all rows that a statement can touch; nil where that is not known, or not to be looked at.
    func keys(_ key: RowKey?, of statement: KnownStatement, _ request: QueryRequest) -> [String]? {
        guard let key, settings.tellsRowsApart else { return nil }
        return statement.shape.keys(key) { request.text(of: $0) }
    }

    /// These are given only where no function is volatile, and PostgreSQL lets no other function write.
    private static func readsOnly(_ reason: String) -> Bool {
        reason.hasPrefix("stable_function:") || reason.hasPrefix("time_dependent:")
    }

    /// Milliseconds; the request's own goes over the namespace's.
    func ttl(of request: QueryRequest, namespace: String) -> Int64 {
        request.ttl.map { Int64(min($0 * 1000, 1e15)) } ?? settings.namespaces.settings(of: namespace).ttl
    }
}

extension QueryRequest {
    /// What PostgreSQL reads for `$n`; nil for NULL, for what is not given as a text, and where there is none.
    fileprivate func text(of number: Int) -> String? {
        guard parameters.indices.contains(number - 1), case .text(let text) = parameters[number - 1] else { return nil }
        return text
    }
}

extension QueryParameter {
    /// Whether PostgreSQL may read the text as a point in time that moves (`now`, `tomorrow`).
    var isDateTimeInput: Bool {
        switch self {
        case .null: false
        case .text(let text): SQLAnalysis.isDateTimeInput(text)
        // Inside an array or a document the words are looked for without taking it apart.
        case .array(let json), .object(let json):
            json.split(whereSeparator: { !$0.isLetter }).contains { SQLAnalysis.isDateTimeInput(String($0)) }
        }
    }

    fileprivate var shortText: String {
        switch self {
        case .null: "null"
        case .text(let text), .array(let text), .object(let text): String(text.prefix(40))
        }
    }
}

extension QueryProxySettings {
    func allows(_ settings: [QuerySetting]) -> Bool {
        settings.allSatisfy { allows(setting: $0.name) }
    }

    /// - Throws: `forbidden`, with the first name that requests may not set.
    func check(_ settings: [QuerySetting]) throws(ProxyError) {
        guard let refused = settings.first(where: { !allows(setting: $0.name) }) else { return }
        throw ProxyError(
            .forbidden,
            "setting \"\(refused.name)\" is not among those that requests may set (allowed_settings)"
        )
    }

    /// The time that PostgreSQL gets for a request, in milliseconds.
    func timeout(_ requested: Int?) -> Int64 {
        min(requested.map { Int64($0) } ?? statementTimeout, maximumStatementTimeout)
    }
}
