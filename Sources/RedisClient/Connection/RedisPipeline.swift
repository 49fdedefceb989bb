internal import NIOCore

// Which reply belongs to whom.
//
// - Replies come in the order in which commands were sent: the oldest batch that waits takes the next reply.
// - A batch is answered once, when its last reply has come, or not at all.
// - Deadlines are given in the order of sending and all lie equally far ahead, so the oldest batch has the earliest.

/// The batches that were sent and not yet answered. `Waiter` is whatever is told the replies.
struct RedisPipeline<Waiter> {
    /// How much may wait: what is sent beyond it is refused, so that a server that hangs does not fill the memory.
    struct Limits: Sendable {
        var commands = 1 << 16
        var bytes = 64 * 1024 * 1024
    }

    enum Delivery {
        case partial
        case complete(Waiter, [RESPValue])
        /// Nobody waits for a reply.
        case unexpected
    }

    private struct Batch {
        var waiter: Waiter
        var expected: Int
        var bytes: Int
        var deadline: NIODeadline
        var replies: [RESPValue]
    }

    private let limits: Limits
    /// The oldest batch, apart from the others so that replies are added to it in place.
    private var head: Batch?
    private var rest = CircularBuffer<Batch>()
    private var waitingCommands = 0
    private var waitingBytes = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    var isEmpty: Bool { head == nil }
    var nextDeadline: NIODeadline? { head?.deadline }

    /// False if too much waits already. A single batch is never too much.
    mutating func append(_ waiter: Waiter, count: Int, bytes: Int, deadline: NIODeadline) -> Bool {
        guard head == nil || (waitingCommands + count <= limits.commands && waitingBytes + bytes <= limits.bytes) else {
            return false
        }
        waitingCommands += count
        waitingBytes += bytes
        let batch = Batch(waiter: waiter, expected: count, bytes: bytes, deadline: deadline, replies: [])
        if head == nil {
            head = batch
        } else {
            rest.append(batch)
        }
        return true
    }

    mutating func receive(_ reply: RESPValue) -> Delivery {
        guard head != nil else { return .unexpected }
        if head!.replies.isEmpty { head!.replies.reserveCapacity(head!.expected) }
        head!.replies.append(reply)
        guard head!.replies.count == head!.expected else { return .partial }
        let batch = head!
        waitingCommands -= batch.expected
        waitingBytes -= batch.bytes
        head = rest.popFirst()
        return .complete(batch.waiter, batch.replies)
    }

    /// Everyone who waits, oldest first.
    mutating func removeAll() -> [Waiter] {
        var waiters: [Waiter] = []
        if let head { waiters.append(head.waiter) }
        waiters.append(contentsOf: rest.lazy.map(\.waiter))
        head = nil
        rest.removeAll()
        waitingCommands = 0
        waitingBytes = 0
        return waiters
    }
}
