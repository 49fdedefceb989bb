/// When something was broken on purpose.
struct Disturbances {
    enum Kind {
        /// Redis, or the connections to it.
        case redis
        /// A proxy was away.
        case proxy
    }

    private struct Item {
        var kind: Kind
        var from: Int64
        /// `.max` while it lasts.
        var until: Int64
    }

    /// Ascending by their beginnings.
    private var items: [Item] = []

    /// - Returns: its number.
    mutating func began(_ kind: Kind, at time: Int64) -> Int {
        items.append(Item(kind: kind, from: time, until: .max))
        return items.count - 1
    }

    mutating func ended(_ number: Int, at time: Int64) {
        items[number].until = time
    }

    /// The end of the first stretch of that length, beginning at a time or later, in which nothing of those kinds was
    /// broken. `.max` while something is.
    func calm(of length: Int64, from time: Int64, among kinds: Set<Kind>) -> Int64 {
        var start = time
        for item in items where kinds.contains(item.kind) && item.until > start {
            if item.from >= start, item.from - start >= length { break }
            if item.until == .max { return .max }
            start = item.until
        }
        return start + length
    }
}
