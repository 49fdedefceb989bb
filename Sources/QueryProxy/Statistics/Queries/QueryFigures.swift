internal import QueryCache

/// Answers by where they came from.
package struct AnswerCounts: Sendable, Equatable {
    package var memory = 0
    package var redis = 0
    package var miss = 0
    package var shared = 0
    package var stale = 0
    package var bypass = 0

    package init(memory: Int = 0, redis: Int = 0, miss: Int = 0, shared: Int = 0, stale: Int = 0, bypass: Int = 0) {
        self.memory = memory
        self.redis = redis
        self.miss = miss
        self.shared = shared
        self.stale = stale
        self.bypass = bypass
    }

    init(_ counts: SourceCounts) {
        self.init(
            memory: counts[.memory],
            redis: counts[.redis],
            miss: counts[.miss],
            shared: counts[.shared],
            stale: counts[.stale],
            bypass: counts[.bypass]
        )
    }

    /// Answers that cost PostgreSQL no query of their own.
    package var hits: Int { memory + redis + shared + stale }
    package var lookups: Int { hits + miss }
    package var total: Int { lookups + bypass }
    /// Of the look-ups; nil before the first.
    package var hitRate: Double? { lookups == 0 ? nil : Double(hits) / Double(lookups) }
}

/// Why look-ups missed: `miss = unseen + expired + invalidated + tooOld`.
package struct MissCauses: Sendable, Equatable {
    package var unseen = 0
    package var expired = 0
    /// Those of `expired` that a TTL ``longerTTL`` times as long would have answered.
    package var expiredSoon = 0
    package var invalidated = 0
    package var tooOld = 0

    package init(unseen: Int = 0, expired: Int = 0, expiredSoon: Int = 0, invalidated: Int = 0, tooOld: Int = 0) {
        self.unseen = unseen
        self.expired = expired
        self.expiredSoon = expiredSoon
        self.invalidated = invalidated
        self.tooOld = tooOld
    }

    package static let longerTTL: Int64 = 3

    /// Times in milliseconds. The TTL is less by the jitter at times, which is left out of account.
    static func isSoon(overdue: Int64, ttl: Int64) -> Bool {
        overdue / (longerTTL - 1) <= ttl
    }

    mutating func count(_ cause: MissCause, ttl: Int64) {
        switch cause {
        case .unseen: unseen += 1
        case .expired(let overdue):
            expired += 1
            if Self.isSoon(overdue: overdue, ttl: ttl) { expiredSoon += 1 }
        case .invalidated: invalidated += 1
        case .tooOld: tooOld += 1
        }
    }
}

/// Questions that PostgreSQL answered.
package struct FetchFigures: Sendable, Equatable {
    package var count = 0
    /// Their time altogether, the wait for a connection included.
    package var microseconds = 0
    /// Of the encoded answers.
    package var bytes = 0
    package var largest = 0

    package init(count: Int = 0, microseconds: Int = 0, bytes: Int = 0, largest: Int = 0) {
        self.count = count
        self.microseconds = microseconds
        self.bytes = bytes
        self.largest = largest
    }

    package var meanMicroseconds: Double? { count == 0 ? nil : Double(microseconds) / Double(count) }
    package var meanBytes: Double? { count == 0 ? nil : Double(bytes) / Double(count) }
}

/// What is known of one template.
package struct QueryFigures: Sendable, Equatable {
    /// The statement with a sign for each constant, cut off where it is very long.
    package var statement = ""
    package var fingerprint = ""
    /// The one of the last call that was not answered from memory.
    package var namespace = ""
    package var answers = AnswerCounts()
    /// Calls from before it was counted by itself: at most so many.
    package var uncountedAtMost = 0
    package var fetching = FetchFigures()
    package var causes = MissCauses()
    package var errors = 0
    /// An estimate, 7 % off as a rule.
    package var distinctKeys = 0
    /// Why the last call that was not stored was not.
    package var reason: String?

    package init(statement: String = "", namespace: String = "", answers: AnswerCounts = AnswerCounts()) {
        self.statement = statement
        self.namespace = namespace
        self.answers = answers
    }

    /// What the answers from the cache would have taken PostgreSQL, in microseconds; nil where it was never asked here.
    package var savedMicroseconds: Double? {
        fetching.meanMicroseconds.map { $0 * Double(answers.hits) }
    }
}
