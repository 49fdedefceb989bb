internal import DequeModule

/// Which replies may go out, and whether another request may begin.
///
/// A request with an `id` is answered as soon as it is done. Requests without one are answered in the order they came:
/// each has a place in a queue, and a reply goes out when every place before it has been answered.
///
/// Invariants: `inFlight` counts the requests that have begun and whose reply has not gone out, those included whose reply
/// waits for its turn, so it bounds what one connection can make the server hold; the first place of the queue, if there
/// is one, has no reply yet.
struct ReplyOrder<Reply> {
    /// Where a request stands until its reply is there.
    enum Place: Equatable {
        case unordered
        /// Counted from the connection's first request without an `id`.
        case ordered(Int)
    }

    private var queue: Deque<Reply?> = []
    /// The place of the queue's first element.
    private var first = 0
    private(set) var inFlight = 0

    /// Whether a reply to a new request without an `id` could go out at once.
    var isOrderedQueueEmpty: Bool { queue.isEmpty }

    mutating func begin(isOrdered: Bool) -> Place {
        inFlight += 1
        guard isOrdered else { return .unordered }
        queue.append(nil)
        return .ordered(first + queue.count - 1)
    }

    /// Takes a reply.
    ///
    /// - Returns: the reply, if it may go out now; then others may too, which ``next()`` returns.
    mutating func complete(_ place: Place, with reply: Reply) -> Reply? {
        guard case .ordered(let number) = place else {
            inFlight -= 1
            return reply
        }
        queue[number - first] = .some(reply)
        return next()
    }

    /// The next one that may go out.
    mutating func next() -> Reply? {
        guard let next = queue.first, let reply = next else { return nil }
        queue.removeFirst()
        first += 1
        inFlight -= 1
        return reply
    }
}
