internal import JSONText
package import NIOCore

extension QueryProxy {
    /// The figures of the queries that are called most, as a JSON object.
    ///
    /// - Parameter limit: of queries at most.
    package func queryFigures(sortedBy order: QueryOrder = .calls, limit: Int = 50) -> ByteBuffer {
        let figures = queries.figures
        var object = JSONObject()
        object.number("uptime_ms", startedAt.duration(to: .now).wholeMicroseconds / 1000)
        object.number("templates", figures.count)
        object.number("templates_limit", queries.limit)
        object.number("templates_replaced", queries.replacements)
        object.text("sort", order.rawValue)
        object.list("queries", order.sorted(figures).prefix(max(0, limit))) { $1.query($0) }
        return object.finish()
    }
}

extension JSONObject {
    mutating func query(_ query: QueryFigures) {
        text("statement", query.statement)
        text("fingerprint", query.fingerprint)
        text("ns", query.namespace)
        number("calls", query.answers.total)
        number("calls_before_at_most", query.uncountedAtMost)
        number("errors", query.errors)
        object("sources") { $0.counts(query.answers) }
        ratio("hit_rate", query.answers.hitRate)
        milliseconds("time_saved_ms", query.savedMicroseconds)
        object("postgres") { postgres in
            postgres.number("calls", query.fetching.count)
            postgres.milliseconds("mean_ms", query.fetching.meanMicroseconds)
            postgres.milliseconds("total_ms", Double(query.fetching.microseconds))
        }
        object("result_bytes") { bytes in
            bytes.number("mean", query.fetching.meanBytes.map { Int($0.rounded()) })
            bytes.number("largest", query.fetching.largest)
        }
        number("entries_estimate", query.distinctKeys)
        object("misses") { $0.causes(query.causes) }
        text("reason", query.reason)
    }
}
