internal import Synchronization

/// The queues of S3-FIFO, and where nodes wait that hold nothing. The raw value is the number of the node that is the
/// queue's two ends.
enum MemoryQueue: UInt32, CaseIterable {
    case small
    case main
    /// Keys without values, remembered for a while after they left `small`.
    case ghost
    case free
}

/// Any object. Below ``MemoryStore`` the type of a value does not matter, and code that is not generic over it is as fast
/// for callers in other modules, where it could not be specialised.
typealias MemoryValue = any AnyObject & Sendable

/// One key that a shard knows, with its value or as a ghost. 64 bytes, so that a look-up touches one cache line.
struct MemoryNode: ~Copyable {
    var key: CacheKey
    /// Nil in a ghost, in a free node and in the ends of the queues.
    var value: MemoryValue?
    var cost = 0
    /// Numbers of the neighbours in the queue.
    var newer: UInt32
    var older: UInt32
    /// Requests since it came or since it was last spared, at most ``MemoryNode/frequencyLimit``.
    let frequency = Atomic<UInt8>(0)
    var queue: MemoryQueue

    static let frequencyLimit: UInt8 = 3

    init(end queue: MemoryQueue) {
        key = CacheKey(0, 0, 0, 0)
        newer = queue.rawValue
        older = queue.rawValue
        self.queue = queue
    }

    /// Where a node's value lies, told without retaining it, which would touch it. A struct's parts lie in their order.
    @inline(__always)
    static func valueAddress(_ node: UnsafeMutablePointer<MemoryNode>) -> UnsafeRawPointer? {
        (UnsafeRawPointer(node) + MemoryLayout<CacheKey>.stride).load(as: UnsafeRawPointer?.self)
    }

    /// Counts a request. At the limit nothing is written, so the line of a hot entry stays in every core's cache. Of two
    /// requests at the very same time one may go uncounted, which costs less than an atomic addition on every hit.
    @inline(__always)
    borrowing func countRequest() {
        let seen = frequency.load(ordering: .relaxed)
        if seen < Self.frequencyLimit { frequency.store(seen + 1, ordering: .relaxed) }
    }
}
