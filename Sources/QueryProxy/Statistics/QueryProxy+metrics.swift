package import Observability
internal import PostgresClient
internal import QueryCache
internal import RedisClient

// What each figure means, and the equations that hold between them, is in docs/operations.md.

extension QueryProxy {
    /// Every metric of the request path, PostgreSQL and Redis.
    package func metrics(operations: CacheOperations, memory: RedisMemoryMonitor?) -> [MetricFamily] {
        requestMetrics(operations) + cacheMetrics + postgresMetrics + redisMetrics(memory)
    }

    // MARK: Requests

    private func requestMetrics(_ operations: CacheOperations) -> [MetricFamily] {
        let namespaces = counters.boundedNamespaces
        let overall = namespaces.reduce(SourceCounts()) { $0 + $1.counts }
        var requests = MetricFamily(
            "cistern_requests_total",
            .counter,
            "Queries answered, by where the answer came from."
        )
        var spared = MetricFamily(
            "cistern_spared_seconds_total",
            .counter,
            unit: .seconds,
            "Time that PostgreSQL would have taken for the answers that it was not asked for."
        )
        for (name, counts) in namespaces {
            for source in AnswerSource.allCases {
                requests.add(.integer(counts[source]), ["source": source.rawValue, "namespace": name])
            }
            spared.add(.real(Double(counts.spared) / 1e9), ["namespace": name])
        }
        var durations = MetricFamily(
            "cistern_request_duration_seconds",
            .histogram,
            "Time from a query to its answer, by where the answer came from."
        )
        for source in AnswerSource.allCases {
            durations.add(.latency(counters.latency(of: source)), ["source": source.rawValue])
        }
        var reasons = MetricFamily("cistern_bypass_total", .counter, "Answers that were not stored, by the reason.")
        for (name, count) in counters.reasons { reasons.add(.integer(count), ["reason": name]) }
        var errors = MetricFamily(
            "cistern_request_errors_total",
            .counter,
            "Requests that failed, by the error's code."
        )
        for (name, count) in counters.failures { errors.add(.integer(count), ["code": name]) }
        var durationsInRedis = MetricFamily(
            "cache_operation_duration_seconds",
            .histogram,
            "Time of an operation on entries and values in Redis."
        )
        for operation in CacheOperations.Operation.allCases {
            durationsInRedis.add(.latency(operations.snapshot(of: operation)), ["operation": operation.rawValue])
        }
        let service = counters.service
        var sessions = MetricFamily("cistern_sessions_total", .counter, "What became of requests for sessions.")
        for (name, event) in ServiceCounters.sessionEvents { sessions.add(.integer(service[event]), ["event": name]) }
        return [
            MetricFamily(
                "cache_hits_total",
                .counter,
                "Look-ups that the cache answered, of queries and of values by key.",
                .integer(overall.hits + service[.hit])
            ),
            MetricFamily(
                "cache_misses_total",
                .counter,
                "Look-ups that the cache could not answer, of queries and of values by key.",
                .integer(overall[.miss] + service[.miss] + service[.degraded])
            ),
            sessions, durationsInRedis, requests, durations, reasons, errors,
            MetricFamily(
                "cistern_spared_queries_total",
                .counter,
                "Queries that PostgreSQL was not asked.",
                .integer(overall.hits)
            ),
            spared,
            MetricFamily(
                "cistern_statements",
                .gauge,
                "Texts of statements whose analysis is remembered.",
                .integer(statements.count)
            ),
        ]
    }

    // MARK: The cache

    private var cacheMetrics: [MetricFamily] {
        let cache = cache.statistics
        let memory = cache.memory
        func gauge(_ name: String, _ unit: MetricFamily.Unit?, _ help: String, _ value: Int) -> MetricFamily {
            MetricFamily("cistern_\(name)", .gauge, unit: unit, help, .integer(value))
        }
        func counter(_ name: String, _ help: String, _ value: Int) -> MetricFamily {
            MetricFamily("cistern_\(name)_total", .counter, help, .integer(value))
        }
        return [
            gauge("flights", nil, "Questions to PostgreSQL under way that others may join.", cache.flightsUnderWay),
            counter("flights_started", "Questions to PostgreSQL that others could join.", cache.flights),
            counter("flights_joined", "Requests that waited for another's question.", cache.joins),
            gauge("memory_bytes", .bytes, "Memory that entries take, with what their keeping costs.", memory.bytes),
            gauge("memory_budget_bytes", .bytes, "Memory that entries may take (cache.memory).", memory.budget),
            gauge("memory_entries", nil, "Entries in this process's memory.", memory.entries),
            counter("memory_insertions", "Entries taken into memory.", memory.insertions),
            counter("memory_evictions", "Entries that left memory to make room.", memory.evictions),
            counter("memory_rejected", "Entries too large for memory.", memory.rejected),
            counter("memory_ghost_hits", "Entries taken back soon after they had left.", memory.ghostHits),
            gauge("memory_trusted", nil, "1 while the channel is proven alive.", cache.isMemoryTrusted ? 1 : 0),
            gauge("tags", nil, "Tags that this process keeps count of.", cache.tags),
            invalidations(cache.invalidations),
        ]
    }

    private func invalidations(_ counts: InvalidationCounts) -> MetricFamily {
        var family = MetricFamily(
            "cistern_invalidations_total",
            .counter,
            "Names invalidated, by their kind and by who said so: this proxy itself, or another."
        )
        for (origin, kinds) in [("own", counts.own), ("heard", counts.heard)] {
            let values = [
                ("table", kinds.tables), ("row", kinds.rows), ("namespace", kinds.namespaces), ("tag", kinds.tags),
                ("pattern", kinds.patterns), ("key", kinds.keys), ("everything", kinds.everything),
            ]
            for (kind, count) in values { family.add(.integer(count), ["origin": origin, "kind": kind]) }
        }
        return family
    }

    // MARK: PostgreSQL

    private var postgresMetrics: [MetricFamily] {
        let pool = postgres.statistics
        var connections = MetricFamily("cistern_postgres_connections", .gauge, "Connections to PostgreSQL, by state.")
        connections.add(.integer(pool.inUse), ["state": "in_use"])
        connections.add(.integer(pool.idle), ["state": "idle"])
        connections.add(.integer(pool.opening), ["state": "opening"])
        var errors = MetricFamily("cistern_postgres_errors_total", .counter, "Exchanges that failed, by why.")
        for code in PostgresError.Code.allCases {
            errors.add(.integer(pool.errors[code] ?? 0), ["kind": code.rawValue])
        }
        return [
            MetricFamily(
                "cistern_postgres_up",
                .gauge,
                "0 while the last attempt to connect failed and no connection is left.",
                .integer(pool.isDown || postgres.identity == nil ? 0 : 1)
            ),
            connections,
            MetricFamily(
                "cistern_postgres_connections_limit",
                .gauge,
                "Connections at most (postgres.pool_size).",
                .integer(pool.limit)
            ),
            MetricFamily(
                "cistern_postgres_waiting",
                .gauge,
                "Requests that wait for a connection.",
                .integer(pool.waiting)
            ),
            MetricFamily("cistern_postgres_connects_total", .counter, "Connections made.", .integer(pool.connects)),
            MetricFamily(
                "cistern_postgres_connect_failures_total",
                .counter,
                "Attempts to connect that failed.",
                .integer(pool.failures)
            ),
            MetricFamily(
                "cistern_postgres_exchanges_total",
                .counter,
                "Questions, writes and looks at the catalogs sent to PostgreSQL.",
                .integer(pool.scripts)
            ),
            errors,
        ]
    }

    // MARK: Redis

    private func redisMetrics(_ monitor: RedisMemoryMonitor?) -> [MetricFamily] {
        guard let redis else { return [] }
        let client = redis.statistics
        var breaker = MetricFamily("cistern_redis_breaker_state", .gauge, "1 for the state that the breaker is in.")
        for (name, isIt) in [
            ("closed", client.breaker == .closed), ("open", client.breaker == .open),
            ("probation", client.breaker != .closed && client.breaker != .open),
        ] {
            breaker.add(.integer(isIt ? 1 : 0), ["state": name])
        }
        var families = [
            MetricFamily(
                "cistern_redis_up",
                .gauge,
                "1 while commands are sent to Redis.",
                .integer(redis.isAvailable ? 1 : 0)
            ),
            MetricFamily(
                "cistern_redis_connections",
                .gauge,
                "Connections that are ready.",
                .integer(client.connections)
            ),
            MetricFamily(
                "cistern_redis_outages_total",
                .counter,
                "Times that Redis became unavailable.",
                .integer(client.becameUnavailable)
            ),
            breaker,
        ]
        if let monitor, let memory = monitor.current { families += memoryMetrics(memory, isHigh: monitor.isHigh) }
        return families + channelMetrics
    }

    private func memoryMetrics(_ memory: RedisMemory, isHigh: Bool) -> [MetricFamily] {
        [
            MetricFamily(
                "redis_memory_usage_bytes",
                .gauge,
                unit: .bytes,
                "Memory that Redis uses, at the last look.",
                .integer(memory.used)
            ),
            MetricFamily(
                "cistern_redis_memory_max_bytes",
                .gauge,
                unit: .bytes,
                "Redis's maxmemory; 0 without a limit.",
                .integer(memory.maximum)
            ),
            MetricFamily(
                "cistern_redis_memory_high",
                .gauge,
                "1 while more of maxmemory is used than redis.memory_warning.",
                .integer(isHigh ? 1 : 0)
            ),
        ]
    }

    private var channelMetrics: [MetricFamily] {
        guard let channel = channel?.statistics else { return [] }
        var families = [
            MetricFamily(
                "cistern_channel_subscribed",
                .gauge,
                "1 while the invalidation channel is subscribed to.",
                .integer(channel.isSubscribed ? 1 : 0)
            ),
            MetricFamily(
                "cistern_channel_messages_total",
                .counter,
                "Messages heard, heartbeats included.",
                .integer(channel.received)
            ),
            MetricFamily(
                "cistern_channel_ignored_messages_total",
                .counter,
                "Messages that made no sense.",
                .integer(channel.ignored)
            ),
            MetricFamily(
                "cistern_channel_gaps_total",
                .counter,
                "Messages that went missing; memory is emptied each time.",
                .integer(channel.gaps)
            ),
            MetricFamily(
                "cistern_redis_waiting_invalidations",
                .gauge,
                "Names of which Redis has yet to be told that they are invalidated.",
                .integer(channel.waitingInvalidations)
            ),
        ]
        if let delay = channel.delay {
            families.append(
                MetricFamily(
                    "cistern_channel_delay_seconds",
                    .gauge,
                    unit: .seconds,
                    "How long the last heartbeat took to come back.",
                    .real(Double(delay) / 1000)
                )
            )
        }
        return families
    }
}
