internal import JSONText
internal import NIOCore
internal import PostgresClient
internal import QueryCache
internal import RedisClient

extension QueryProxy {
    /// The members of the answer to `stats`.
    func statistics() -> ByteBuffer {
        var object = ObjectWriter()
        object.raw("ok", "true")
        object.raw("uptime_ms", String(startedAt.duration(to: .now).wholeMilliseconds))
        object.raw("answers", Self.text(of: counters.overall))
        object.raw("bypass", Self.text(of: counters.reasons))
        object.raw("errors", Self.text(of: counters.failures))
        var namespaces = ObjectWriter()
        for (name, counts) in counters.namespaces { namespaces.raw(name, Self.text(of: counts)) }
        object.raw("namespaces", namespaces.text)
        let cache = cache.statistics
        object.raw("memory", Self.text(of: cache))
        object.raw(
            "flights",
            "{\"under_way\":\(cache.flightsUnderWay),\"started\":\(cache.flights),\"joined\":\(cache.joins)}"
        )
        object.raw("values", valuesText)
        object.raw("sessions", sessionsText)
        object.raw("statements", String(statements.count))
        object.raw("postgres", postgresText)
        object.raw("redis", redisText)
        return ByteBuffer(string: String(object.text.dropFirst().dropLast()))
    }

    private static func text(of counters: SourceCounts) -> String {
        var object = ObjectWriter()
        var total = 0
        for source in AnswerSource.allCases {
            let count = counters[source]
            total += count
            object.raw(source.rawValue, String(count))
        }
        object.raw("total", String(total))
        object.raw("spared_ms", String(counters.spared / 1_000_000))
        object.raw("hit_rate", counters.hitRate.map { String(($0 * 10_000).rounded() / 10_000) } ?? "null")
        return object.text
    }

    private static func text(of counts: [(name: String, count: Int)]) -> String {
        var object = ObjectWriter()
        for (name, count) in counts { object.raw(name, String(count)) }
        return object.text
    }

    private static func text(of statistics: QueryCacheStatistics) -> String {
        let memory = statistics.memory
        var object = ObjectWriter()
        object.raw("entries", String(memory.entries))
        object.raw("bytes", String(memory.bytes))
        object.raw("budget_bytes", String(memory.budget))
        object.raw("insertions", String(memory.insertions))
        object.raw("evictions", String(memory.evictions))
        object.raw("rejected", String(memory.rejected))
        object.raw("tags", String(statistics.tags))
        object.raw("trusted", String(statistics.isMemoryTrusted))
        return object.text
    }

    private var valuesText: String {
        let service = counters.service
        var object = ObjectWriter()
        object.raw("hits", String(service[.hit]))
        object.raw("misses", String(service[.miss]))
        object.raw("degraded", String(service[.degraded]))
        object.raw("stored", String(service[.stored]))
        object.raw("deleted", String(service[.deleted]))
        if let memory = (values as? MemoryValueStore)?.figures {
            object.raw("entries", String(memory.count))
            object.raw("bytes", String(memory.bytes))
            object.raw("budget_bytes", String(memory.budget))
            object.raw("evictions", String(memory.evictions))
        }
        return object.text
    }

    private var sessionsText: String {
        var object = ObjectWriter()
        for (name, event) in ServiceCounters.sessionEvents { object.raw(name, String(counters.service[event])) }
        return object.text
    }

    private var postgresText: String {
        let pool = postgres.statistics
        var object = ObjectWriter()
        object.raw("available", String(!pool.isDown))
        object.raw("in_use", String(pool.inUse))
        object.raw("idle", String(pool.idle))
        object.raw("opening", String(pool.opening))
        object.raw("waiting", String(pool.waiting))
        object.raw("connects", String(pool.connects))
        object.raw("connect_failures", String(pool.failures))
        return object.text
    }

    private var redisText: String {
        var object = ObjectWriter()
        guard let redis else {
            object.raw("configured", "false")
            return object.text
        }
        object.raw("configured", "true")
        object.raw("available", String(redis.isAvailable))
        if let identity = redis.identity { object.string("version", identity.version) }
        if let channel = channel?.statistics {
            object.raw("messages", String(channel.received))
            object.raw("ignored_messages", String(channel.ignored))
            object.raw("gaps", String(channel.gaps))
            object.raw("heartbeat_ms", channel.delay.map { String($0) } ?? "null")
        }
        return object.text
    }
}

/// Writes one JSON object.
private struct ObjectWriter {
    private var buffer = ByteBuffer(string: "{")

    var text: String { String(buffer: buffer) + "}" }

    /// A value that is JSON already.
    mutating func raw(_ name: String, _ value: String) {
        writeName(name)
        buffer.writeString(value)
    }

    mutating func string(_ name: String, _ value: String) {
        writeName(name)
        buffer.writeJSONString(value)
    }

    private mutating func writeName(_ name: String) {
        if buffer.readableBytes > 1 { buffer.writeStaticString(",") }
        buffer.writeJSONString(name)
        buffer.writeStaticString(":")
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
