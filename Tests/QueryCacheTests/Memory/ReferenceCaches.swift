/// Keys 0..<n in rings: the ends of queue q are n + q. What the reference caches are made of.
struct KeyRings {
    private let keys: Int
    private var newer: ContiguousArray<Int32>
    private var older: ContiguousArray<Int32>

    init(keys: Int, queues: Int) {
        self.keys = keys
        newer = ContiguousArray((0..<Int32(keys + queues)))
        older = newer
    }

    func oldest(of queue: Int) -> Int? {
        let key = Int(newer[keys + queue])
        return key >= keys ? nil : key
    }

    mutating func push(_ key: Int, into queue: Int) {
        let end = keys + queue
        let newest = older[end]
        older[key] = newest
        newer[key] = Int32(end)
        newer[Int(newest)] = Int32(key)
        older[end] = Int32(key)
    }

    mutating func pull(_ key: Int) {
        newer[Int(older[key])] = newer[key]
        older[Int(newer[key])] = older[key]
    }
}

/// Least recently used, by count of entries.
struct ReferenceLRU {
    private let capacity: Int
    private var rings: KeyRings
    private var isHeld: ContiguousArray<Bool>
    private var count = 0

    init(keys: Int, capacity: Int) {
        self.capacity = capacity
        rings = KeyRings(keys: keys, queues: 1)
        isHeld = ContiguousArray(repeating: false, count: keys)
    }

    /// True for a hit. A miss brings the key in.
    mutating func request(_ key: Int) -> Bool {
        let hit = isHeld[key]
        if hit {
            rings.pull(key)
        } else if count == capacity, let oldest = rings.oldest(of: 0) {
            rings.pull(oldest)
            isHeld[oldest] = false
        } else {
            count += 1
        }
        isHeld[key] = true
        rings.push(key, into: 0)
        return hit
    }
}

/// The published pseudo-code of S3-FIFO over costs, read to the letter: a small queue of a tenth, ghosts of nine tenths,
/// promotion after two requests. With every cost 1 it counts entries.
struct ReferenceS3FIFO {
    private static let small: UInt8 = 0
    private static let main: UInt8 = 1
    private static let ghost: UInt8 = 2
    private static let nowhere: UInt8 = 3

    private let budget: Int
    /// The store remembers no more ghosts than it has entries, which the pseudo-code does not ask for.
    private let limitsGhostCount: Bool
    private var rings: KeyRings
    private var places: ContiguousArray<UInt8>
    private var costs: ContiguousArray<Int>
    private var frequencies: ContiguousArray<UInt8>
    private var counts: ContiguousArray = [0, 0, 0]
    private var sums: ContiguousArray = [0, 0, 0]
    private(set) var evictions = 0
    private(set) var ghostHits = 0

    init(keys: Int, budget: Int, limitsGhostCount: Bool = false) {
        self.budget = budget
        self.limitsGhostCount = limitsGhostCount
        rings = KeyRings(keys: keys, queues: 3)
        places = ContiguousArray(repeating: Self.nowhere, count: keys)
        costs = ContiguousArray(repeating: 0, count: keys)
        frequencies = ContiguousArray(repeating: 0, count: keys)
    }

    var count: Int { counts[0] + counts[1] }
    var bytes: Int { sums[0] + sums[1] }

    func holds(_ key: Int) -> Bool { places[key] <= Self.main }

    /// True for a hit, which is counted. A miss changes nothing.
    mutating func read(_ key: Int) -> Bool {
        guard holds(key) else { return false }
        if frequencies[key] < 3 { frequencies[key] += 1 }
        return true
    }

    mutating func insert(_ key: Int, cost: Int) {
        if holds(key) {
            sums[Int(places[key])] += cost - costs[key]
            costs[key] = cost
            while bytes > budget { evict() }
        } else {
            let returns = places[key] == Self.ghost
            if returns {
                ghostHits += 1
                pull(key)
            }
            while bytes + cost > budget { evict() }
            costs[key] = cost
            frequencies[key] = 0
            push(key, into: returns ? Self.main : Self.small)
        }
        forgetGhosts()
    }

    mutating func remove(_ key: Int) -> Bool {
        guard holds(key) else { return false }
        pull(key)
        forgetGhosts()
        return true
    }

    private mutating func evict() {
        let isSmallFull = counts[0] > 0 && sums[0] >= budget / 10
        if isSmallFull || counts[1] == 0 { evictSmall() } else { evictMain() }
    }

    private mutating func evictSmall() {
        while let key = rings.oldest(of: 0) {
            pull(key)
            if frequencies[key] > 1 {
                frequencies[key] = 0
                push(key, into: Self.main)
            } else {
                push(key, into: Self.ghost)
                evictions += 1
                return
            }
        }
    }

    private mutating func evictMain() {
        while let key = rings.oldest(of: 1) {
            pull(key)
            if frequencies[key] > 0 {
                frequencies[key] -= 1
                push(key, into: Self.main)
            } else {
                evictions += 1
                return
            }
        }
    }

    private mutating func forgetGhosts() {
        while sums[2] > budget / 10 * 9 || (limitsGhostCount && counts[2] > count), let key = rings.oldest(of: 2) {
            pull(key)
        }
    }

    private mutating func push(_ key: Int, into place: UInt8) {
        rings.push(key, into: Int(place))
        places[key] = place
        counts[Int(place)] += 1
        sums[Int(place)] += costs[key]
    }

    private mutating func pull(_ key: Int) {
        rings.pull(key)
        counts[Int(places[key])] -= 1
        sums[Int(places[key])] -= costs[key]
        places[key] = Self.nowhere
    }
}
