internal import QueryCache

/// Invalidations that Redis has not been told of, put together.
///
/// Invariant: at most `limit` names are held; what is more is held as the epoch, which stands for every entry. Keys of the
/// cache service are no entries: those over the limit are forgotten, and end with their time to live.
struct PendingInvalidations: Hashable {
    private let limit: Int
    private(set) var tags: Set<Tag> = []
    private(set) var patterns: [String] = []
    private(set) var keys: Set<String> = []

    init(limit: Int = 10_000) {
        self.limit = limit
    }

    var count: Int { tags.count + patterns.count + keys.count }
    var isEmpty: Bool { tags.isEmpty && patterns.isEmpty && keys.isEmpty }

    mutating func add(_ invalidation: Invalidation) {
        for key in invalidation.keys where keys.count < limit { keys.insert(key) }
        if tags.contains(.epoch) { return }
        tags.formUnion(invalidation.tags)
        for pattern in invalidation.patterns where !patterns.contains(pattern) { patterns.append(pattern) }
        if tags.contains(.epoch) || tags.count + patterns.count > limit {
            tags = [.epoch]
            patterns = []
        }
    }

    mutating func takeAll() -> Invalidation {
        defer { self = PendingInvalidations(limit: limit) }
        var invalidation = Invalidation(tags: tags, patterns: patterns)
        invalidation.keys = keys.sorted()
        return invalidation
    }
}
