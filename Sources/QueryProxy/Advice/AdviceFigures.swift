/// What advice is given from: figures of one moment.
package struct AdviceFigures: Sendable {
    package var namespaces: [NamespaceFigures] = []
    package var queries: [QueryFigures] = []
    /// Nil where there is no Redis, or it is away.
    package var redis: RedisFigures?
    /// Queries that PostgreSQL has run, by whomever they were sent.
    package var outside: [OutsideQuery] = []
    /// `cache.max_entry_bytes`.
    package var maximumEntryBytes = 4 << 20

    package init() {}
}

/// One namespace.
package struct NamespaceFigures: Sendable, Equatable {
    package var name: String
    /// Milliseconds; zero stores nothing.
    package var ttl: Int64
    package var answers = AnswerCounts()
    package var causes = MissCauses()
    /// Of look-ups alone.
    package var fetching = FetchFigures()
    /// What caching took, beside PostgreSQL.
    package var overheadMicroseconds = 0
    package var writes = 0
    /// Bypasses by reason.
    package var reasons: [String: Int] = [:]

    package init(name: String, ttl: Int64) {
        self.name = name
        self.ttl = ttl
    }

    /// What the answers from the cache would have taken PostgreSQL; nil where it was never asked.
    var savedMicroseconds: Double? { fetching.meanMicroseconds.map { $0 * Double(answers.hits) } }
}

package struct RedisFigures: Sendable, Equatable {
    /// Bytes.
    package var used: Int
    /// Bytes; zero for no limit.
    package var maximum: Int
    /// `maxmemory-policy`.
    package var policy: String
    package var sample: RedisSample?
    /// Whether sessions are kept in it.
    package var hasSessions = false

    package init(used: Int, maximum: Int, policy: String, sample: RedisSample? = nil) {
        self.used = used
        self.maximum = maximum
        self.policy = policy
        self.sample = sample
    }
}

/// What a sample of the keys in Redis says.
package struct RedisSample: Sendable, Equatable {
    package struct Group: Sendable, Equatable {
        /// A namespace's name, or a word in parentheses for what belongs to none.
        package var name: String
        package var keys: Int
        package var bytes: Int

        package init(name: String, keys: Int, bytes: Int) {
            self.name = name
            self.keys = keys
            self.bytes = bytes
        }
    }

    package struct Key: Sendable, Equatable {
        package var name: String
        package var group: String
        package var bytes: Int

        package init(name: String, group: String, bytes: Int) {
            self.name = name
            self.group = group
            self.bytes = bytes
        }
    }

    /// Those that were looked at, of so many.
    package var keys = 0
    package var allKeys = 0
    package var bytes = 0
    /// The largest first.
    package var groups: [Group] = []
    package var largest: [Key] = []

    package init() {}
}

/// A query of `pg_stat_statements` that could be cached.
package struct OutsideQuery: Sendable, Equatable {
    package enum Standing: Sendable, Equatable {
        /// This proxy has never been asked for it.
        case unknown
        /// It is asked for here, and bypassed for this reason.
        case bypassed(reason: String)
        /// It is asked for here, and looked up.
        case lookedUp
    }

    package var statement: String
    package var calls: Int
    package var meanMicroseconds: Double
    package var namespace: String
    package var standing: Standing

    package init(statement: String, calls: Int, meanMicroseconds: Double, namespace: String, standing: Standing) {
        self.statement = statement
        self.calls = calls
        self.meanMicroseconds = meanMicroseconds
        self.namespace = namespace
        self.standing = standing
    }
}

/// From when on there is advice. The figures are rules of thumb; `docs/operations.md` lists them.
enum AdviceThreshold {
    /// Look-ups, or answers, below which a namespace or a query is not judged.
    static let answers = 200
    /// A lower hit rate is looked into.
    static let hitRate = 0.6
    /// The share of the misses that makes a cause worth naming.
    static let causeShare = 0.3
    /// Under this hit rate, a namespace whose entries are dropped by writes is better not stored.
    static let hopelessHitRate = 0.2
    /// The share of the look-ups that are of different keys.
    static let distinctShare = 0.5
    /// The share of the answers, writes left out, that is not stored.
    static let bypassShare = 0.4
    /// Of Redis's `maxmemory`.
    static let redisMemory = 0.8
    /// Bytes.
    static let largeEntry = 1 << 20
    static let largeEntriesNamed = 5
    static let outsideCalls = 1000
    static let outsideMicroseconds = 1000.0
    static let outsideNamed = 5
}
