package import NIOCore

/// The store that all proxies share: entries, and the generations of tags.
///
/// Every method may find that the store cannot be reached; it then throws, soon, and the cache goes on without it.
package protocol SharedStore: Sendable {
    /// Whether a call is worth making. False while the store is away, and while invalidations that it has not been told of
    /// wait: nothing is read from it before it has been told.
    var isUsable: Bool { get }

    /// Whether somebody else might want the lease on a key.
    var hasUseForLeases: Bool { get }

    /// The entry, and its tags' generations, from one moment.
    func read(_ key: CacheKey, _ tags: TagList) async throws -> SharedRead

    /// The same question, made once to be asked many times.
    func question(_ key: CacheKey, _ tags: TagList) -> any SharedQuestion

    /// Gives every tag that has no generation a new one. Also asks for the lease on the key where one is wanted.
    ///
    /// - Parameters:
    ///   - current: as read; nil for those that are missing.
    ///   - body: told once what came of it; where this is called on an event loop, there.
    func prepareFill(
        of key: CacheKey,
        _ tags: TagList,
        current: [Generation?],
        wantsLease: Bool,
        _ body: @escaping @Sendable (Result<FillPreparation, any Error>) -> Void
    )

    /// Stores an entry, and gives the lease back. Does not wait for the store: one that fails is away, and an entry less is
    /// another miss. Whoever reads from the same event loop afterwards finds it.
    func fill(_ key: CacheKey, _ entry: StoredEntry, lease: Lease?)

    /// Gives a lease back without an entry. Does not wait for the store: one that is not given back ends by itself.
    func release(_ key: CacheKey, _ lease: Lease)

    /// Waits until the holder of the lease on a key under those generations has given it back, or for the store's bounded
    /// time.
    func waitForFill(of key: CacheKey, under generations: [Generation]) async

    /// Renews the tags' generations, and those of the callers' tags that match a pattern, and tells the other proxies.
    ///
    /// - Parameter generations: the new ones of the tags.
    /// - Returns: false where the store could not be told; it keeps the invalidation and tells it first when it is back, with
    ///   other generations.
    func invalidate(_ invalidation: Invalidation, renewing generations: [Tag: Generation]) async -> Bool
}

/// What asks a shared store for an entry.
package protocol SharedQuestion: AnyObject, Sendable {
    /// Asks, and tells the reply on the event loop that this is called on.
    func ask(on eventLoop: any EventLoop, _ body: @escaping @Sendable (Result<SharedRead, any Error>) -> Void)

    /// Asks the processor for memory that ``ask(on:_:)`` will touch, beyond the object itself.
    func prefetch()
}

extension SharedQuestion {
    package func prefetch() {}
}

extension SharedStore {
    package var hasUseForLeases: Bool { true }

    package func prepareFill(
        of key: CacheKey,
        _ tags: TagList,
        current: [Generation?],
        wantsLease: Bool
    ) async throws -> FillPreparation {
        try await withCheckedThrowingContinuation { continuation in
            prepareFill(of: key, tags, current: current, wantsLease: wantsLease) { continuation.resume(with: $0) }
        }
    }

    package func question(_ key: CacheKey, _ tags: TagList) -> any SharedQuestion {
        PlainSharedQuestion(store: self, key: key, tags: tags)
    }
}

/// For stores to which it makes no difference.
private final class PlainSharedQuestion: SharedQuestion {
    private let store: any SharedStore
    private let key: CacheKey
    private let tags: TagList

    init(store: any SharedStore, key: CacheKey, tags: TagList) {
        self.store = store
        self.key = key
        self.tags = tags
    }

    func ask(on eventLoop: any EventLoop, _ body: @escaping @Sendable (Result<SharedRead, any Error>) -> Void) {
        let (store, key, tags) = (store, key, tags)
        eventLoop.makeFutureWithTask { try await store.read(key, tags) }.whenComplete(body)
    }
}

package struct SharedRead: Sendable {
    package var entry: ByteBuffer?
    /// Milliseconds for which the entry is still kept; nil where it is not known.
    package var remaining: Int64?
    /// In the order of the tags asked for; nil for those that have none yet.
    package var generations: [Generation?]

    package init(entry: ByteBuffer?, remaining: Int64?, generations: [Generation?]) {
        self.entry = entry
        self.remaining = remaining
        self.generations = generations
    }
}

package struct FillPreparation: Sendable {
    package enum LeaseState: Sendable {
        case notWanted
        case held(Lease)
        /// Another proxy has it.
        case taken
    }

    /// In the order of the tags.
    package var generations: [Generation]
    package var lease: LeaseState

    package init(generations: [Generation], lease: LeaseState) {
        self.generations = generations
        self.lease = lease
    }
}

/// The right to be the one proxy that asks PostgreSQL for a key. It only saves work: nothing is wrong when two have it.
///
/// It holds under the generations at which it was taken: whoever asks after an invalidation does not wait for an answer
/// from before it.
package struct Lease: Sendable, Equatable {
    package let generations: [Generation]
    package let token: Generation

    package init(generations: [Generation], token: Generation) {
        self.generations = generations
        self.token = token
    }
}

/// What is to be dropped.
package struct Invalidation: Sendable, Equatable {
    package var tags: Set<Tag>
    /// Globs over callers' tags, and over keys of the cache service.
    package var patterns: [String]
    /// Keys of the cache service.
    package var keys: [String] = []
    /// For those who read the message.
    package var reason: String?
    /// Everyone has heard of it already; only the generations are left to renew.
    package var isPublished = false

    package init(tags: Set<Tag>, patterns: [String] = [], reason: String? = nil) {
        self.tags = tags
        self.patterns = patterns
        self.reason = reason
    }

    package var isEmpty: Bool { tags.isEmpty && patterns.isEmpty && keys.isEmpty }

    package mutating func add(_ other: Invalidation) {
        tags.formUnion(other.tags)
        for pattern in other.patterns where !patterns.contains(pattern) { patterns.append(pattern) }
        for key in other.keys where !keys.contains(key) { keys.append(key) }
        if reason != other.reason { reason = nil }
        isPublished = isPublished && other.isPublished
    }
}
