/// A dictionary with a bound that forgets what has not been asked for lately.
///
/// Two halves: what is looked up or inserted goes into the young one; when that is full it becomes the old one, and what
/// the old one still held is forgotten. So nothing that was used within the last `limit / 2` distinct keys is lost, and a
/// look-up that hits the young half writes nothing.
///
/// Where values differ in size, so that their number says little of the memory they take, their costs are bounded too.
///
/// Invariants: neither half holds more than half of the limit, nor costs more than half of the cost limit.
struct BoundedTable<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        var cost: Int
    }

    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngCost = 0
    private let half: Int
    private let halfCost: Int

    /// - Parameter costLimit: of what is inserted with its cost, in the same unit.
    init(limit: Int, costLimit: Int = .max) {
        half = max(1, limit / 2)
        halfCost = max(0, costLimit / 2)
    }

    var count: Int { young.count + old.count }

    mutating func value(for key: Key) -> Value? {
        if let entry = young[key] { return entry.value }
        guard let entry = old.removeValue(forKey: key) else { return nil }
        insert(entry.value, for: key, cost: entry.cost)
        return entry.value
    }

    /// Keeps nothing that costs more than half of the cost limit.
    mutating func insert(_ value: Value, for key: Key, cost: Int = 0) {
        remove(key)
        guard cost <= halfCost else { return }
        if young.count >= half || youngCost > halfCost - cost {
            old = young
            young = [:]
            youngCost = 0
        }
        young[key] = Entry(value: value, cost: cost)
        youngCost += cost
    }

    mutating func remove(_ key: Key) {
        youngCost -= young.removeValue(forKey: key)?.cost ?? 0
        old.removeValue(forKey: key)
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
        youngCost = 0
    }
}
