internal import NIOCore
internal import Synchronization

/// What a flight brought.
struct FlightResult: Sendable {
    enum Origin: Sendable {
        /// PostgreSQL, asked by this flight.
        case source
        /// PostgreSQL, and the answer could not be stored for this reason.
        case unstored(String)
        /// Stored meanwhile by another proxy that held the lease.
        case otherProxy
        /// An earlier flight of this process had just ended.
        case memory
    }

    var origin: Origin
    var body: ByteBuffer
    var askedAt: Int64
    var expiresAt: Int64
    /// Microseconds that PostgreSQL took.
    var cost: Int64
}

/// One question to PostgreSQL, and everyone who waits for its answer.
///
/// Two callers, A and B, ask for one key:
///
/// 1. A finds no flight, makes one and starts it. A is its first waiter.
/// 2. B finds A's flight and becomes a waiter too.
/// 3. The flight ends: it is taken out of the table first, so that nobody joins an answer that is already there, then every
///    waiter gets the result, or the error.
///
/// A waiter who gives up leaves the others alone; when the last one has left, the flight's task is cancelled, and with it
/// the statement in PostgreSQL. A flight in the background goes on without waiters.
///
/// Invariants: a waiter is told exactly once, by whoever takes him out under the lock, outside the lock; a flight without waiters
/// is in the background, or ending.
final class Flight: Sendable {
    private enum Waiter {
        /// Counted, but who is to be told is not here yet.
        case arriving
        case waiting(Receiver)
        /// Gave up before that came.
        case left
    }

    private struct State {
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var result: Result<FlightResult, any Error>?
        var generations: [Generation]?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    typealias Receiver = @Sendable (Result<FlightResult, any Error>) -> Void

    /// What was known of the tags before anything was read for this flight.
    let snapshot: TagSnapshot
    let isInBackground: Bool
    /// On the cache's clock; its answer is no older.
    let startedAt: Int64
    private let state: Mutex<State>

    init(snapshot: TagSnapshot, generations: [Generation]?, isInBackground: Bool, startedAt: Int64) {
        self.snapshot = snapshot
        self.isInBackground = isInBackground
        self.startedAt = startedAt
        state = Mutex(State(generations: generations))
    }

    /// The generations under which its answer will be stored, as soon as they are known.
    var generations: [Generation]? {
        get { state.withLock { $0.generations } }
        set { state.withLock { $0.generations = newValue } }
    }

    func start(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// Counts a waiter, who must call ``result(for:onLastLeft:)`` or ``whenFinished(for:_:)`` next. Nil where nobody may join any more.
    func join() -> Int? {
        state.withLock { state in
            guard state.result == nil, !state.isCancelled else { return nil }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = .arriving
            return state.nextWaiter
        }
    }

    /// - Throws: what the flight failed with, or `CancellationError` when the waiter's task was cancelled.
    func result(for waiter: Int, onLastLeft: @escaping @Sendable () -> Void) async throws -> FlightResult {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                whenFinished(for: waiter) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            leave(waiter, onLastLeft: onLastLeft)
        }
        return try result.get()
    }

    /// Tells a waiter what came of it: the result, what it failed with, or `CancellationError` when he has left.
    func whenFinished(for waiter: Int, _ receiver: @escaping Receiver) {
        let known: Result<FlightResult, any Error>? = state.withLock { state in
            if let result = state.result {
                state.waiters[waiter] = nil
                return result
            }
            if case .left? = state.waiters[waiter] {
                state.waiters[waiter] = nil
                return .failure(CancellationError())
            }
            state.waiters[waiter] = .waiting(receiver)
            return nil
        }
        if let known { receiver(known) }
    }

    func leave(_ waiter: Int, onLastLeft: () -> Void) {
        let (receiver, task, hasEnded) = state.withLock { state in
            var receiver: Receiver?
            switch state.waiters[waiter] {
            case .waiting(let waiting):
                receiver = waiting
                state.waiters[waiter] = nil
            case .arriving: state.waiters[waiter] = .left
            case .left, nil: break
            }
            let isLast = !state.waiters.values.contains { if case .left = $0 { false } else { true } }
            guard isLast, state.result == nil, !isInBackground, !state.isCancelled else {
                return (receiver, Task<Void, Never>?.none, false)
            }
            state.isCancelled = true
            return (receiver, state.task, true)
        }
        if hasEnded { onLastLeft() }
        task?.cancel()
        receiver?(.failure(CancellationError()))
    }

    /// A waiter that was counted does not want the result after all.
    func abandon(_ waiter: Int) {
        state.withLock { $0.waiters[waiter] = nil }
    }

    func finish(_ result: Result<FlightResult, any Error>) {
        let waiters = state.withLock { state in
            state.result = result
            state.task = nil
            let waiters = state.waiters
            // Those who are still arriving find the result there.
            state.waiters = [:]
            return waiters
        }
        for case .waiting(let receiver) in waiters.values { receiver(result) }
    }
}
