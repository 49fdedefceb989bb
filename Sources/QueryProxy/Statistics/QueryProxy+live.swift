package import NIOCore
internal import Observability
internal import QueryCache

/// The counts of one moment, small enough to keep many.
package struct LiveSample: Sendable, Equatable {
    /// Milliseconds since 1970.
    package var time: Int64
    package var answers: AnswerCounts
    /// What the answers from the cache would have taken PostgreSQL, in microseconds: the queries' savings together.
    package var saved: Double

    package init(time: Int64, answers: AnswerCounts, saved: Double) {
        self.time = time
        self.answers = answers
        self.saved = saved
    }
}

// The figures that a live view is redrawn from. They wait for no server.
extension QueryProxy {
    /// - Parameter time: milliseconds since 1970.
    package func liveSample(at time: Int64) -> LiveSample {
        LiveSample(time: time, answers: AnswerCounts(counters.overall), saved: queries.savedMicroseconds)
    }

    /// One moment's figures as a JSON object.
    ///
    /// - Parameters:
    ///   - stats: the answer to the op `stats`.
    ///   - memory: of Redis; nil where it is not known.
    package func liveFigures(
        at time: Int64,
        stats: ByteBuffer,
        memory: RedisMemory?,
        queriesBy order: QueryOrder,
        limit: Int = 15
    ) -> ByteBuffer {
        var object = JSONObject()
        object.number("time_ms", Int(time))
        object.raw("stats", stats)
        object.milliseconds("saved_ms", queries.savedMicroseconds)
        object.object("latency") { latency in
            latency.numbers("bounds_ms", LatencyBuckets.bounds.map { Double($0) / 1e6 })
            for source in AnswerSource.allCases {
                latency.numbers(source.rawValue, counters.latency(of: source).buckets.map { Double($0) })
            }
        }
        if let memory {
            object.object("redis_memory") { redis in
                redis.number("used_bytes", memory.used)
                redis.number("maximum_bytes", memory.maximum)
                redis.text("policy", memory.policy)
            }
        }
        let counts = cache.statistics.invalidations
        object.object("invalidations") { invalidations in
            invalidations.object("own") { $0.kinds(counts.own) }
            invalidations.object("heard") { $0.kinds(counts.heard) }
        }
        object.list("queries", order.sorted(queries.figures).prefix(limit)) { $1.query($0) }
        return object.finish()
    }

    /// Samples, the oldest first, as a JSON object.
    package static func history(_ samples: some Sequence<LiveSample>) -> ByteBuffer {
        var object = JSONObject()
        object.list("samples", samples) { sample, object in
            object.number("time", Int(sample.time))
            object.object("answers") { answers in
                answers.counts(sample.answers)
                answers.number("total", sample.answers.total)
            }
            object.milliseconds("saved", sample.saved)
        }
        return object.finish()
    }
}

extension JSONObject {
    fileprivate mutating func kinds(_ kinds: InvalidationCounts.Kinds) {
        number("everything", kinds.everything)
        number("tables", kinds.tables)
        number("rows", kinds.rows)
        number("namespaces", kinds.namespaces)
        number("tags", kinds.tags)
        number("patterns", kinds.patterns)
        number("keys", kinds.keys)
    }
}
