/// The nodes of a shard: found by key, and chained in queues from oldest to newest.
///
/// Nodes lie in one piece of memory and are called by their number. The first ones are the ends of the queues: each queue is
/// a ring through its end, whose `newer` neighbour is the oldest node and whose `older` neighbour is the newest. The index is
/// open addressing with linear probing; a bucket holds 32 bits of the key beside the number, so that probing touches no
/// node but, nearly always, the right one.
///
/// Invariants: every node is in exactly one queue; those in a queue other than `free` are in the index exactly once; at
/// least a quarter of the buckets is empty, so probing ends.
struct MemoryTable: ~Copyable {
    typealias Number = UInt32

    private static let ends = MemoryQueue.allCases.count
    private static let smallestBucketCount = 64

    private var nodes: UnsafeMutablePointer<MemoryNode>
    private let nodeCapacity: Int
    /// How many nodes are initialized.
    private var nodeCount = 0
    private var freeCount = 0
    /// The key's bits above, the node's number below; 0 is an empty bucket, as no key has the first end's number.
    private var buckets: UnsafeMutablePointer<UInt64>
    private let bucketCount: Int

    init() {
        self.init(bucketCount: Self.smallestBucketCount)
    }

    private init(bucketCount: Int) {
        self.bucketCount = bucketCount
        nodeCapacity = Self.ends + bucketCount / 4 * 3
        nodes = UnsafeMutableRawPointer.allocate(
            byteCount: nodeCapacity * MemoryLayout<MemoryNode>.stride,
            alignment: 64
        ).bindMemory(to: MemoryNode.self, capacity: nodeCapacity)
        buckets = .allocate(capacity: bucketCount)
        buckets.initialize(repeating: 0, count: bucketCount)
        for queue in MemoryQueue.allCases { (nodes + Int(queue.rawValue)).initialize(to: MemoryNode(end: queue)) }
        nodeCount = Self.ends
    }

    deinit {
        nodes.deinitialize(count: nodeCount)
        nodes.deallocate()
        buckets.deallocate()
    }

    /// Valid until a node is added or the table is compacted.
    @inline(__always)
    subscript(number: Number) -> UnsafeMutablePointer<MemoryNode> { nodes + Int(number) }

    // MARK: Keys

    /// The node of a key, a ghost's too.
    @inline(__always)
    borrowing func find(_ key: CacheKey) -> Number? {
        let bits = Self.bits(of: key)
        var bucket = home(bits)
        while true {
            let content = buckets[bucket]
            if content == 0 { return nil }
            if UInt32(truncatingIfNeeded: content >> 32) == bits {
                let number = Number(truncatingIfNeeded: content)
                if self[number].pointee.key == key { return number }
            }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
    }

    /// The bucket where the search for a key begins.
    @inline(__always)
    borrowing func bucketAddress(of key: CacheKey) -> UnsafeRawPointer {
        UnsafeRawPointer(buckets + home(Self.bits(of: key)))
    }

    /// The node that most likely is a key's, told without touching it.
    @inline(__always)
    borrowing func likelyNode(of key: CacheKey) -> UnsafeMutablePointer<MemoryNode>? {
        let content = buckets[home(Self.bits(of: key))]
        return content == 0 ? nil : nodes + Int(Number(truncatingIfNeeded: content))
    }

    /// A new node for a key that is not there yet. It is in no queue: the caller pushes it into one.
    mutating func add(_ key: CacheKey) -> Number {
        if freeCount == 0 && nodeCount == nodeCapacity { rebuild(bucketCount: bucketCount * 2) }
        let number: Number
        if let vacant = oldest(of: .free) {
            number = vacant
            unlink(number)
            freeCount -= 1
        } else {
            number = Number(nodeCount)
            (nodes + nodeCount).initialize(to: MemoryNode(end: .free))
            nodeCount += 1
        }
        self[number].pointee.key = key
        enter(key, number)
        return number
    }

    /// Forgets a node's key. The node must be in no queue, and its value taken.
    mutating func discard(_ number: Number) {
        leave(self[number].pointee.key, number)
        push(number, into: .free)
        freeCount += 1
    }

    /// Gives memory back once seven nodes of eight are free.
    mutating func compactIfSparse() {
        let used = nodeCount - Self.ends - freeCount
        guard bucketCount > Self.smallestBucketCount, used < bucketCount / 4 * 3 / 8 else { return }
        rebuild(bucketCount: max(Self.smallestBucketCount, bucketCount / 4))
    }

    // MARK: Queues

    @inline(__always)
    borrowing func oldest(of queue: MemoryQueue) -> Number? {
        let number = self[queue.rawValue].pointee.newer
        return number == queue.rawValue ? nil : number
    }

    /// Makes a node, which is in no queue, a queue's newest.
    mutating func push(_ number: Number, into queue: MemoryQueue) {
        let end = queue.rawValue
        let newest = self[end].pointee.older
        self[number].pointee.queue = queue
        self[number].pointee.older = newest
        self[number].pointee.newer = end
        self[newest].pointee.newer = number
        self[end].pointee.older = number
    }

    /// Takes a node out of its queue.
    mutating func unlink(_ number: Number) {
        let (older, newer) = (self[number].pointee.older, self[number].pointee.newer)
        self[older].pointee.newer = newer
        self[newer].pointee.older = older
    }

    // MARK: Index

    /// The first word chooses the shard, so the second one is used here.
    @inline(__always)
    private static func bits(of key: CacheKey) -> UInt32 { UInt32(truncatingIfNeeded: key.w1) }

    @inline(__always)
    private borrowing func home(_ bits: UInt32) -> Int { Int(bits) & (bucketCount - 1) }

    private mutating func enter(_ key: CacheKey, _ number: Number) {
        let bits = Self.bits(of: key)
        var bucket = home(bits)
        while buckets[bucket] != 0 { bucket = (bucket + 1) & (bucketCount - 1) }
        buckets[bucket] = UInt64(bits) << 32 | UInt64(number)
    }

    /// Closes the gap by moving back what was pushed past it, so no marks of deleted keys are needed.
    private mutating func leave(_ key: CacheKey, _ number: Number) {
        let content = UInt64(Self.bits(of: key)) << 32 | UInt64(number)
        let mask = bucketCount - 1
        var gap = home(Self.bits(of: key))
        while buckets[gap] != content { gap = (gap + 1) & mask }
        var next = (gap + 1) & mask
        while buckets[next] != 0 {
            let distance = (next - home(UInt32(truncatingIfNeeded: buckets[next] >> 32))) & mask
            if distance >= (next - gap) & mask {
                buckets[gap] = buckets[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        buckets[gap] = 0
    }

    /// Moves all nodes but the free ones, in the order they lie in, to a table of another size.
    private mutating func rebuild(bucketCount: Int) {
        var table = MemoryTable(bucketCount: bucketCount)
        var numbers = [Number](repeating: 0, count: nodeCount)
        var next = Number(Self.ends)
        for index in 0..<nodeCount {
            if index < Self.ends {
                numbers[index] = Number(index)
            } else if nodes[index].queue != .free {
                numbers[index] = next
                next += 1
            }
        }
        for queue in MemoryQueue.allCases where queue != .free {
            table[queue.rawValue].pointee.newer = numbers[Int(self[queue.rawValue].pointee.newer)]
            table[queue.rawValue].pointee.older = numbers[Int(self[queue.rawValue].pointee.older)]
        }
        for index in Self.ends..<nodeCount where nodes[index].queue != .free {
            let number = numbers[index]
            table.nodes.advanced(by: Int(number)).moveInitialize(from: nodes + index, count: 1)
            (nodes + index).initialize(to: MemoryNode(end: .free))
            let node = table[number]
            node.pointee.newer = numbers[Int(node.pointee.newer)]
            node.pointee.older = numbers[Int(node.pointee.older)]
            table.enter(node.pointee.key, number)
        }
        table.nodeCount = Int(next)
        self = table
    }
}
