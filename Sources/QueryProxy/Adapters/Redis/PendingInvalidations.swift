internal import QueryCache

/// Invalidations that Redis has not been told of, put together.
///
/// Invariant: at most `limit` names are held; what is more is held as the epoch, which stands for everything.
struct PendingInvalidations {
    private let limit: Int
    private(set) var tags: Set<Tag> = []
    private(set) var patterns: [String] = []

    init(limit: Int = 10_000) {
        self.limit = limit
    }

    var isEmpty: Bool { tags.isEmpty && patterns.isEmpty }

    mutating func add(_ invalidation: Invalidation) {
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
        return Invalidation(tags: tags, patterns: patterns)
    }
}
