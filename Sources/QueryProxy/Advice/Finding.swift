/// One piece of advice: what is found, the figures that led to it, and what to change.
package struct Finding: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Expired entries are asked for again soon.
        case ttlTooShort = "ttl_too_short"
        /// Entries are dropped by writes before they are asked for again.
        case writtenTooOften = "written_too_often"
        /// Hardly any answer is asked for twice.
        case variedParameters = "varied_parameters"
        /// Much is not stored at all, for a reason that can be changed.
        case bypassed
        case costsMoreThanItSaves = "costs_more_than_it_saves"
        case redisMemory = "redis_memory"
        case evictsSessions = "evicts_sessions"
        case largeEntries = "large_entries"
        /// PostgreSQL answers a query again and again that could be cached.
        case uncachedQuery = "uncached_query"
    }

    package var kind: Kind
    /// A namespace, a statement's template, a key, or a server.
    package var subject: String
    /// A sentence, with the figures in it.
    package var message: String
    package var figures: [Figure]
    package var change: Change
}

package struct Figure: Sendable, Equatable {
    package var name: String
    package var value: Double

    package init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }

    package init(_ name: String, _ value: Int) {
        self.init(name, Double(value))
    }
}

/// What to change, and where.
package struct Change: Sendable, Equatable {
    package enum Place: String, Sendable {
        case proxyConfiguration = "proxy.conf"
        case redisConfiguration = "redis.conf"
        /// The programs that ask.
        case application
    }

    package var place: Place
    /// A line such as `[ttl] products = 300 → 900`, or for the application a sentence.
    package var text: String

    static func ttl(_ namespace: String, from old: Int64, to new: Int64) -> Change {
        let name = namespace.isBareKey ? namespace : "\"\(namespace.filter { $0 != "\"" && $0 != "\\" })\""
        return Change(
            place: .proxyConfiguration,
            text: "[ttl] \(name) = \(seconds(old)) → \(seconds(new))"
        )
    }

    static func application(_ text: String) -> Change { Change(place: .application, text: text) }

    /// Milliseconds as `proxy.conf` has seconds.
    private static func seconds(_ milliseconds: Int64) -> String {
        milliseconds % 1000 == 0 ? String(milliseconds / 1000) : "\"\(milliseconds)ms\""
    }
}

extension String {
    /// Whether TOML takes it as a key without quotes.
    fileprivate var isBareKey: Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }
}

extension Double {
    /// As a whole percentage: `62 %`.
    var percent: String { "\(Int((self * 100).rounded())) %" }
}

extension Int {
    /// Bytes for people: `3.2 MB`.
    var size: String {
        if self < 10_000 { return "\(self) B" }
        let (unit, name) = self < 10 << 20 ? (Double(1 << 10), "kB") : (Double(1 << 20), "MB")
        let tenths = (Double(self) / unit * 10).rounded() / 10
        return tenths >= 100 ? "\(Int(tenths.rounded())) \(name)" : "\(tenths) \(name)"
    }
}
