// Advice about what is kept: in Redis, and how large it is.
extension AdviceFigures {
    var redisMemory: Finding? {
        guard let redis, redis.maximum > 0 else { return nil }
        let usage = Double(redis.used) / Double(redis.maximum)
        guard usage > AdviceThreshold.redisMemory else { return nil }
        var message = "Redis uses \(usage.percent) of its memory (\(redis.used.size) of \(redis.maximum.size))"
        var figures = [
            Figure("used_bytes", redis.used), Figure("maxmemory_bytes", redis.maximum), Figure("usage", usage),
        ]
        let sample = redis.sample ?? RedisSample()
        let holders = sample.groups.prefix(3)
        if sample.bytes > 0, !holders.isEmpty {
            let shares = holders.map { "\($0.name) \((Double($0.bytes) / Double(sample.bytes)).percent)" }
            message += "; of a sample of \(sample.keys) keys it is held by " + shares.joined(separator: ", ")
            figures += holders.map { Figure("share_\($0.name)", Double($0.bytes) / Double(sample.bytes)) }
        }
        return Finding(
            kind: .redisMemory,
            subject: "Redis",
            message: message + ".",
            figures: figures,
            change: changeForMemory(redis, sample)
        )
    }

    /// The namespace that holds the most, if it is one of ours, gives up entries sooner.
    private func changeForMemory(_ redis: RedisFigures, _ sample: RedisSample) -> Change {
        let held = sample.groups.first { group in namespaces.contains { $0.name == group.name && $0.ttl > 0 } }
        if let held, Double(held.bytes) >= AdviceThreshold.causeShare * Double(sample.bytes),
            let namespace = namespaces.first(where: { $0.name == held.name })
        {
            return .ttl(namespace.name, from: namespace.ttl, to: max(1000, namespace.ttl / 3000 * 1000))
        }
        return Change(
            place: .redisConfiguration,
            text: "maxmemory \(redis.maximum) → \(redis.maximum.multipliedReportingOverflow(by: 2).partialValue)"
        )
    }

    /// Every policy but one evicts sessions too: they have a time to live, so they are among the `volatile` keys.
    var evictsSessions: Finding? {
        guard let redis, redis.hasSessions, redis.maximum > 0, redis.policy != "noeviction" else { return nil }
        let usage = Double(redis.used) / Double(redis.maximum)
        return Finding(
            kind: .evictsSessions,
            subject: "Redis",
            message: "Redis keeps sessions and has the policy \(redis.policy): when its memory is full (now "
                + "\(usage.percent)), it ends sessions of users as it drops cached answers.",
            figures: [Figure("usage", usage), Figure("maxmemory_bytes", redis.maximum)],
            change: Change(
                place: .redisConfiguration,
                text: "maxmemory-policy \(redis.policy) → noeviction, or a Redis for the sessions alone"
            )
        )
    }

    /// Answers, and keys in Redis, so large that few of them fill a cache.
    var largeEntries: [Finding] {
        let queries = queries.filter { $0.fetching.largest >= AdviceThreshold.largeEntry && $0.answers.lookups > 0 }
            .sorted { $0.fetching.largest > $1.fetching.largest }
            .map { query in
                Finding(
                    kind: .largeEntries,
                    subject: query.statement.shortened,
                    message: "Answers to \(query.statement.shortened) are up to \(query.fetching.largest.size) large, "
                        + "\(Int(query.fetching.meanBytes ?? 0).size) on average.",
                    figures: [
                        Figure("largest_bytes", query.fetching.largest),
                        Figure("mean_bytes", (query.fetching.meanBytes ?? 0).rounded()),
                    ],
                    change: Change(
                        place: .proxyConfiguration,
                        text: "[cache] max_entry_bytes = \(maximumEntryBytes) → \(AdviceThreshold.largeEntry)"
                    )
                )
            }
        let keys = (redis?.sample?.largest ?? []).filter { $0.bytes >= AdviceThreshold.largeEntry }
            .map { key in
                Finding(
                    kind: .largeEntries,
                    subject: key.name.shortened,
                    message: "The key \(key.name.shortened) of \(key.group) takes \(key.bytes.size) of Redis.",
                    figures: [Figure("bytes", key.bytes)],
                    change: Change(
                        place: .proxyConfiguration,
                        text: "[cache] max_entry_bytes = \(maximumEntryBytes) → \(AdviceThreshold.largeEntry)"
                    )
                )
            }
        return Array((queries + keys).prefix(AdviceThreshold.largeEntriesNamed))
    }

    /// Queries that keep PostgreSQL busy and could be cached.
    var uncachedQueries: [Finding] {
        let worth = outside.filter { query in
            query.calls >= AdviceThreshold.outsideCalls
                && query.meanMicroseconds >= AdviceThreshold.outsideMicroseconds && query.isUncached
        }
        .sorted { $0.totalMicroseconds > $1.totalMicroseconds }
        return worth.prefix(AdviceThreshold.outsideNamed).map { query in
            Finding(
                kind: .uncachedQuery,
                subject: query.statement.shortened,
                message: "PostgreSQL has answered \(query.statement.shortened) \(query.calls) times, in "
                    + "\(Int(query.meanMicroseconds.rounded())) µs on average; it could be cached, and "
                    + query.why + ".",
                figures: [
                    Figure("calls", query.calls), Figure("mean_ms", query.meanMicroseconds / 1000),
                    Figure("total_ms", query.totalMicroseconds / 1000),
                ],
                change: query.change
            )
        }
    }
}

extension OutsideQuery {
    fileprivate var totalMicroseconds: Double { Double(calls) * meanMicroseconds }

    /// What a caller may change.
    fileprivate var isUncached: Bool {
        switch standing {
        case .unknown: true
        case .bypassed(let reason): reason == "ttl_zero" || reason == "client_request"
        case .lookedUp: false
        }
    }

    fileprivate var why: String {
        switch standing {
        case .unknown, .lookedUp: "this proxy is not asked for it"
        case .bypassed(let reason): "it is not, for \(reason)"
        }
    }

    fileprivate var change: Change {
        if case .bypassed("ttl_zero") = standing { return .ttl(namespace, from: 0, to: AdviceFigures.usualTTL) }
        if case .bypassed = standing { return .application("leave out \"cache\":false in the request") }
        return .application("send it through Cistern; it would belong to the namespace \(namespace)")
    }
}
