internal import JSONText
internal import NIOCore

/// Values in memory, of which the least recently used make room.
///
/// The values hang on one list, from the most recently used to the least; nodes are found by key and name each other by
/// their places in an array, of which the free ones are kept for reuse.
///
/// Invariants: `bytes` is the sum of the nodes' costs and at most `budget`; a value whose time is over is never given out.
struct ValueTable {
    /// What keeping a value costs besides its text, in bytes.
    static let overhead = 192

    private struct Node {
        var key: ExactText
        var value: ByteBuffer
        var expiresAt: Int64
        var cost: Int
        var newer: Int?
        var older: Int?
    }

    /// In bytes.
    let budget: Int
    private(set) var bytes = 0
    private(set) var evictions = 0
    private var places: [ExactText: Int] = [:]
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var newest: Int?
    private var oldest: Int?

    init(budget: Int) {
        self.budget = budget
    }

    /// Those whose time is over and who have not been met since are counted too.
    var count: Int { places.count }

    /// What is left is in milliseconds.
    mutating func value(at key: String, now: Int64) -> StoredValue? {
        guard let place = current(key, now), let node = nodes[place] else { return nil }
        unlink(place)
        linkAsNewest(place)
        return StoredValue(bytes: node.value, remaining: node.expiresAt - now)
    }

    /// - Returns: false where the value alone is more than the budget; an older one under the key is gone then too.
    mutating func store(_ value: ByteBuffer, at key: String, expiresAt: Int64) -> Bool {
        let key = ExactText(key)
        if let place = places[key] { remove(place) }
        let cost = key.text.utf8.count + value.storageCapacity + Self.overhead
        guard cost <= budget else { return false }
        while bytes + cost > budget, let place = oldest {
            remove(place)
            evictions += 1
        }
        let place = free.popLast() ?? nodes.count
        if place == nodes.count { nodes.append(nil) }
        nodes[place] = Node(key: key, value: value, expiresAt: expiresAt, cost: cost)
        places[key] = place
        bytes += cost
        linkAsNewest(place)
        return true
    }

    mutating func remove(_ key: String, now: Int64) -> Bool {
        guard let place = current(key, now) else { return false }
        remove(place)
        return true
    }

    mutating func contains(_ key: String, now: Int64) -> Bool { current(key, now) != nil }

    mutating func expire(_ key: String, at time: Int64, now: Int64) -> Bool {
        guard let place = current(key, now) else { return false }
        nodes[place]?.expiresAt = time
        return true
    }

    mutating func removeAll(where isMeant: (String) -> Bool) {
        for (key, place) in places where isMeant(key.text) { remove(place) }
    }

    /// Where a value is whose time is not over; one whose time is over is removed on the way.
    private mutating func current(_ key: String, _ now: Int64) -> Int? {
        guard let place = places[ExactText(key)], let node = nodes[place] else { return nil }
        if node.expiresAt > now { return place }
        remove(place)
        return nil
    }

    private mutating func remove(_ place: Int) {
        guard let node = nodes[place] else { return }
        unlink(place)
        places[node.key] = nil
        bytes -= node.cost
        nodes[place] = nil
        free.append(place)
    }

    // MARK: The list

    private mutating func linkAsNewest(_ place: Int) {
        nodes[place]?.older = newest
        nodes[place]?.newer = nil
        if let newest { nodes[newest]?.newer = place }
        newest = place
        if oldest == nil { oldest = place }
    }

    private mutating func unlink(_ place: Int) {
        guard let node = nodes[place] else { return }
        if let newer = node.newer { nodes[newer]?.older = node.older } else { newest = node.older }
        if let older = node.older { nodes[older]?.newer = node.newer } else { oldest = node.newer }
    }
}
