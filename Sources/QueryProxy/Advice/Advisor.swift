package import NIOCore
internal import RedisClient

/// Gathers the figures that advice is given from, and gives it.
///
/// To gather costs Redis and PostgreSQL a little, so it is done when somebody asks, and for all who ask within the time that
/// the figures are kept for. Whatever is away is left out, and that is said.
package actor Advisor {
    /// How long figures are good for.
    private enum Lifetime {
        static let report = Duration.seconds(5)
        static let redis = Duration.seconds(30)
        static let outside = Duration.seconds(60)
    }

    private let proxy: QueryProxy
    private let maximumEntryBytes: @Sendable () -> Int
    private var sampler: RedisSampler?
    private var redis: (figures: RedisFigures, at: ContinuousClock.Instant)?
    private var outside: (outcome: OutsideQueries.Outcome, at: ContinuousClock.Instant)?
    private var report: (task: Task<AdviceReport, Never>, at: ContinuousClock.Instant)?

    /// - Parameters:
    ///   - keys: nil where there is no Redis.
    ///   - maximumEntryBytes: `cache.max_entry_bytes` as it is now.
    package init(proxy: QueryProxy, keys: RedisKeys?, maximumEntryBytes: @escaping @Sendable () -> Int) {
        self.proxy = proxy
        self.maximumEntryBytes = maximumEntryBytes
        sampler = keys.map { RedisSampler(keys: $0) }
    }

    /// What is to be advised now, as a JSON object.
    package func advice() async -> ByteBuffer { await current().json }

    func current() async -> AdviceReport {
        if let report, report.at.duration(to: .now) < Lifetime.report { return await report.task.value }
        let task = Task { await self.gather() }
        report = (task, .now)
        return await task.value
    }

    private func gather() async -> AdviceReport {
        var figures = AdviceFigures()
        figures.namespaces = proxy.namespaceFigures
        figures.queries = proxy.queries.figures
        figures.maximumEntryBytes = maximumEntryBytes()
        var missing: [AdviceReport.Missing] = []
        if let client = proxy.redis {
            do {
                figures.redis = try await redisFigures(client, figures.namespaces.map(\.name))
            } catch {
                missing.append(AdviceReport.Missing(what: "redis", why: "Redis cannot be reached: \(error.message)"))
            }
        }
        switch await outsideQueries() {
        case .queries(let queries): figures.outside = queries
        case .unavailable(let why): missing.append(AdviceReport.Missing(what: "pg_stat_statements", why: why))
        }
        return AdviceReport(findings: figures.findings, missing: missing, redis: figures.redis)
    }

    private func redisFigures(_ client: RedisClient, _ namespaces: [String]) async throws(RedisError) -> RedisFigures {
        if let redis, redis.at.duration(to: .now) < Lifetime.redis { return redis.figures }
        let info = try await client.send(RedisCommand("INFO", "memory")).string ?? ""
        guard let memory = RedisMemory(info: info) else {
            throw RedisError(code: .server, message: "INFO does not tell the memory used")
        }
        var figures = RedisFigures(used: memory.used, maximum: memory.maximum, policy: memory.policy)
        if var sampler {
            // Redis may refuse these commands to the user; the rest of the advice does not need them.
            figures.sample = try? await sampler.sample(client, namespaces: namespaces)
            self.sampler = sampler
        }
        figures.hasSessions = figures.sample?.groups.contains { Self.sessionGroups.contains($0.name) } ?? false
        redis = (figures, .now)
        return figures
    }

    /// Our own sessions, and those of other programs by the names that they go by.
    private static let sessionGroups: Set<String> = [RedisSampler.GroupName.sessions, "session", "sessions"]

    private func outsideQueries() async -> OutsideQueries.Outcome {
        if let outside, outside.at.duration(to: .now) < Lifetime.outside { return outside.outcome }
        let outcome = await OutsideQueries(proxy: proxy).read()
        outside = (outcome, .now)
        return outcome
    }
}

/// Advice, and what was left out.
struct AdviceReport: Sendable {
    struct Missing: Sendable, Equatable {
        var what: String
        var why: String
    }

    var findings: [Finding]
    var missing: [Missing]
    var redis: RedisFigures?

    var json: ByteBuffer {
        var object = JSONObject()
        object.list("findings", findings) { finding, object in
            object.text("kind", finding.kind.rawValue)
            object.text("subject", finding.subject)
            object.text("message", finding.message)
            object.object("figures") { figures in
                for figure in finding.figures { figures.ratio(figure.name, figure.value) }
            }
            object.object("change") { change in
                change.text("in", finding.change.place.rawValue)
                change.text("text", finding.change.text)
            }
        }
        object.list("not_available", missing) { missing, object in
            object.text("what", missing.what)
            object.text("why", missing.why)
        }
        if let sample = redis?.sample {
            object.object("redis_sample") { object in
                object.number("keys", sample.keys)
                object.number("keys_in_redis", sample.allKeys)
                object.number("bytes", sample.bytes)
                object.list("groups", sample.groups.prefix(20)) { group, object in
                    object.text("name", group.name)
                    object.number("keys", group.keys)
                    object.number("bytes", group.bytes)
                }
                object.list("largest", sample.largest) { key, object in
                    object.text("key", key.name)
                    object.text("group", key.group)
                    object.number("bytes", key.bytes)
                }
            }
        }
        return object.finish()
    }
}

extension QueryProxy {
    /// The figures of each namespace that has been asked for.
    var namespaceFigures: [NamespaceFigures] {
        counters.namespaces.map { name, counts in
            let totals = namespaces[name]
            var figures = NamespaceFigures(name: name, ttl: settings.namespaces.settings(of: name).ttl)
            figures.answers = AnswerCounts(counts)
            figures.causes = totals.causes
            figures.fetching = totals.fetching
            figures.overheadMicroseconds = totals.overheadMicroseconds
            figures.writes = totals.writes
            figures.reasons = totals.reasons
            return figures
        }
    }
}
