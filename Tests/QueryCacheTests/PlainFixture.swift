import NIOCore
import QueryCache
import Synchronization
import TestSupport

/// What callers were told, in the order in which they were.
final class PlainAnswers: Sendable {
    private let taken = Mutex<[String]>([])

    var all: [String] { taken.withLock { $0 } }

    func take(_ result: Result<CacheAnswer, any Error>) {
        let text =
            switch result {
            case .success(let answer): "\(answer.source) \(answer.text)"
            case .failure(let error): "\(type(of: error))"
            }
        taken.withLock { $0.append(text) }
    }

    /// Waits until so many have been told; flights that go the other way end on other threads.
    func reach(_ count: Int) async {
        while all.count < count { await Task.yield() }
    }
}

/// A cache that is asked without tasks; no other proxy is there, unless a test says so.
struct PlainFixture {
    let cache: QueryCache
    let store: MemorySharedStore
    let source = DirectSource()
    let answers = PlainAnswers()
    let base = CacheFixture()

    init(shared: Bool = true, _ change: (inout QueryCacheSettings) -> Void = { _ in }) {
        store = base.store
        store.hasUseForLeases = false
        cache = base.cache(shared: shared, change)
    }

    /// - Returns: nil where the look-up is not plain.
    @discardableResult
    func ask(
        _ policy: CachePolicy = CacheFixture.policy(),
        key: CacheKey = CacheFixture.key
    ) async throws -> QueryCache.Wait? {
        let request = cache.lookup(for: key, tags: CacheFixture.tags, policy: policy)
        var read: SharedRead?
        if cache.isSharedStoreUsable { read = try await store.read(key, CacheFixture.tags) }
        return cache.answerPlainly(to: request, after: read, from: source) { [answers] in answers.take($0) }
    }

    /// Makes the generations, which a first fill does elsewhere.
    func makeGenerations() async throws {
        _ = try await store.prepareFill(
            of: CacheKey(9, 9, 9, 9),
            CacheFixture.tags,
            current: [nil, nil, nil],
            wantsLease: false
        )
    }
}
