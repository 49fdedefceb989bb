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
/// Invariants: a waiter's continuation is resumed exactly once, by whoever takes it out under the lock, outside the lock; a
/// flight without waiters is in the background, or ending.
final class Flight: Sendable {
    private enum Waiter {
        /// Counted, but its continuation is not here yet.
        case arriving
        case waiting(CheckedContinuation<Result<FlightResult, any Error>, Never>)
        /// Gave up before its continuation came.
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

    /// Counts a waiter, who must call ``result(for:onLastLeft:)`` next. Nil where nobody may join any more.
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
                let known: Result<FlightResult, any Error>? = state.withLock { state in
                    if let result = state.result {
                        state.waiters[waiter] = nil
                        return result
                    }
                    if case .left? = state.waiters[waiter] {
                        state.waiters[waiter] = nil
                        return .failure(CancellationError())
                    }
                    state.waiters[waiter] = .waiting(continuation)
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            leave(waiter, onLastLeft: onLastLeft)
        }
        return try result.get()
    }

    private func leave(_ waiter: Int, onLastLeft: () -> Void) {
        let (continuation, task, hasEnded) = state.withLock { state in
            var continuation: CheckedContinuation<Result<FlightResult, any Error>, Never>?
            switch state.waiters[waiter] {
            case .waiting(let waiting):
                continuation = waiting
                state.waiters[waiter] = nil
            case .arriving: state.waiters[waiter] = .left
            case .left, nil: break
            }
            let isLast = !state.waiters.values.contains { if case .left = $0 { false } else { true } }
            guard isLast, state.result == nil, !isInBackground, !state.isCancelled else {
                return (continuation, Task<Void, Never>?.none, false)
            }
            state.isCancelled = true
            return (continuation, state.task, true)
        }
        if hasEnded { onLastLeft() }
        task?.cancel()
        continuation?.resume(returning: .failure(CancellationError()))
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
        for case .waiting(let continuation) in waiters.values { continuation.resume(returning: result) }
    }
}
