import NIOCore
import QueryCache
import TestSupport

// swift-testing has a `Tag` of its own, so here, where it is not imported, ours gets another name.
typealias QueryCacheTag = Tag

/// Caches over one store and one clock.
struct CacheFixture {
    let clock = ManualClock()
    let store: MemorySharedStore

    init() {
        store = MemorySharedStore(clock: clock)
    }

    static let key = CacheKey(1, 2, 3, 4)
    static let products = Tag.table("public.products")
    static let tags: TagList = [.epoch, .namespace("products"), products]

    static func policy(ttl: Int64 = 10_000, _ change: (inout CachePolicy) -> Void = { _ in }) -> CachePolicy {
        var policy = CachePolicy(ttl: ttl)
        change(&policy)
        return policy
    }

    func cache(shared: Bool = true, _ change: (inout QueryCacheSettings) -> Void = { _ in }) -> QueryCache {
        var settings = QueryCacheSettings()
        settings.jitter = 0
        change(&settings)
        let cache = QueryCache(settings: settings, shared: shared ? store : nil, clock: clock)
        if shared { store.connect(cache) }
        return cache
    }
}

extension QueryCache {
    func ask(
        _ source: some QuerySource,
        _ policy: CachePolicy = CacheFixture.policy(),
        tags: TagList = CacheFixture.tags,
        key: CacheKey = CacheFixture.key
    ) async throws -> CacheAnswer {
        try await answer(for: key, tags: tags, policy: policy, from: source)
    }
}

extension CacheAnswer {
    var text: String { String(buffer: body) }
}
