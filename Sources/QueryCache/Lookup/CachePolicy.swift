package import NIOCore

/// How one request wants its answer to be looked up and stored. Times in milliseconds.
package struct CachePolicy: Sendable {
    package var ttl: Int64
    /// An older answer is not accepted; zero always asks PostgreSQL.
    package var maximumAge: Int64?
    /// The generations are compared in Redis; memory is not trusted.
    package var strict = false
    package var usesMemory = true
    package var staleWhileRevalidate: Int64 = 0
    package var staleIfError: Int64 = 0
    /// Hot answers are refreshed before they expire.
    package var refreshesEarly = false
    /// Whose limit on misses in flight counts.
    package var namespace = ""
    /// Misses of the namespace that may be under way at once; zero for no limit.
    package var missLimit = 0

    package init(ttl: Int64) {
        self.ttl = ttl
    }

    /// How long past its TTL an answer is worth keeping.
    var grace: Int64 { max(staleWhileRevalidate, staleIfError) }
}

/// An answer, and where it came from.
package struct CacheAnswer: Sendable {
    package enum Source: Sendable, Equatable {
        case memory, redis, miss, shared, stale
        /// Nothing was stored, for this reason.
        case bypass(String)
    }

    package var source: Source
    /// Milliseconds since PostgreSQL was asked.
    package var age: Int64
    /// Milliseconds left; zero past the TTL.
    package var remaining: Int64
    package var body: ByteBuffer
    /// Why PostgreSQL had to be asked; only for ``Source/miss``.
    package var cause: MissCause?
    /// Microseconds that PostgreSQL took for it; zero where it is not known.
    package var cost: Int64

    package init(source: Source, age: Int64, remaining: Int64, body: ByteBuffer, cost: Int64 = 0) {
        self.cost = cost
        self.source = source
        self.age = age
        self.remaining = remaining
        self.body = body
    }
}

/// A fresh answer in memory.
package struct MemoryHit: Sendable {
    /// Milliseconds.
    package let age: Int64
    /// Milliseconds.
    package let remaining: Int64
    /// Microseconds that PostgreSQL took.
    package let cost: Int64
    package let result: CachedResult
}

/// What was found of a key when its answer had to be fetched.
///
/// An entry that has left the memory to make room, or Redis with its time, has left nothing to tell it by: where no other
/// trace is found either, the key counts as unseen.
package enum MissCause: Sendable, Equatable {
    case unseen
    /// Past its TTL by so many milliseconds.
    case expired(overdue: Int64)
    /// One of its tags had been invalidated.
    case invalidated
    /// The request accepted no answer as old as what there may have been.
    case tooOld
}

/// Where answers come from when the cache has none.
package protocol QuerySource: Sendable {
    /// Where the task runs that asks it: best where the answer is waited for, since each change of threads costs more than
    /// all that is computed. Nil for any thread.
    var executor: (any TaskExecutor)? { get }

    /// Asks PostgreSQL. When the task is cancelled nobody waits any more.
    func fetch() async throws -> ByteBuffer

    /// Asks PostgreSQL without a task, where that is possible.
    ///
    /// - Parameter body: called once, later.
    /// - Returns: false where it is not; nothing is asked then, and nobody called.
    func fetchDirectly(_ body: @escaping @Sendable (DirectAnswer) -> Void) -> Bool
}

/// What became of a question that was asked without a task.
package enum DirectAnswer: Sendable {
    case body(ByteBuffer)
    /// It is to be asked in the other way.
    case again
}

extension QuerySource {
    package var executor: (any TaskExecutor)? { nil }
    package func fetchDirectly(_ body: @escaping @Sendable (DirectAnswer) -> Void) -> Bool { false }
}

/// An error of a source after which an answer past its TTL is better than none: PostgreSQL cannot be reached, or is too slow.
package protocol SourceOutage: Error {
    var isOutage: Bool { get }
}

package enum QueryCacheError: Error, Sendable, Equatable {
    /// Too many misses of the namespace are under way.
    case tooManyMisses(namespace: String, limit: Int)
}
