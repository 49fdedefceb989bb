internal import NIOCore
internal import Synchronization

/// One request and whoever waits for its answer.
///
/// It is settled once: by the answer, by the end of its connection, by its deadline, or by the cancellation of the task
/// that waits. Whatever comes later is dropped. Its number is given once in a process, so an answer that comes late can
/// never be taken for another request's.
final class Exchange: Sendable {
    typealias Outcome = Result<ByteBuffer, CisternError>

    /// How the answer is told from others.
    enum Kind: Sendable {
        /// By its number, which stands in the line as the `id`.
        case numbered
        /// By its place in the order; the line has no `id`.
        case ordered
    }

    private enum State {
        case nobodyWaits
        case waiting(@Sendable (Outcome) -> Void)
        case settled(Outcome)
    }

    private static let lastNumber = Atomic<UInt64>(0)

    let number: UInt64
    let kind: Kind
    /// The whole line, its end included.
    let line: ByteBuffer
    /// For the answer.
    let deadline: NIODeadline
    /// For a connection to be there.
    let queueDeadline: NIODeadline
    private let state = Mutex<State>(.nobodyWaits)

    /// - Parameter line: makes the line from the exchange's number.
    init(
        _ kind: Kind,
        deadline: NIODeadline,
        queueDeadline: NIODeadline = .distantFuture,
        line: (UInt64) -> ByteBuffer
    ) {
        let number = Self.lastNumber.add(1, ordering: .relaxed).newValue
        self.number = number
        self.kind = kind
        self.deadline = deadline
        self.queueDeadline = queueDeadline
        self.line = line(number)
    }

    var isSettled: Bool {
        state.withLock { state in
            switch state {
            case .settled: true
            case .nobodyWaits, .waiting: false
            }
        }
    }

    /// Ends the wait; only the first call does anything.
    func settle(_ outcome: Outcome) {
        let waiter = state.withLock { state -> (@Sendable (Outcome) -> Void)? in
            switch state {
            case .nobodyWaits:
                state = .settled(outcome)
                return nil
            case .waiting(let waiter):
                state = .settled(outcome)
                return waiter
            case .settled:
                return nil
            }
        }
        waiter?(outcome)
    }

    /// Calls back when it is settled, at once where it is already. Called once.
    func whenSettled(_ waiter: @escaping @Sendable (Outcome) -> Void) {
        let outcome = state.withLock { state -> Outcome? in
            switch state {
            case .nobodyWaits:
                state = .waiting(waiter)
                return nil
            case .settled(let outcome):
                return outcome
            case .waiting:
                preconditionFailure("an exchange is waited for once")
            }
        }
        if let outcome { waiter(outcome) }
    }

    /// Hands the exchange on and waits. If the task is cancelled it stops waiting at once.
    ///
    /// - Parameters:
    ///   - start: sends the request, or queues it.
    ///   - forget: called after a cancellation, from any thread.
    func outcome(
        start: () -> Void,
        forget: @escaping @Sendable () -> Void = {}
    ) async throws(CisternError) -> ByteBuffer {
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                whenSettled { continuation.resume(returning: $0) }
                start()
            }
        } onCancel: {
            settle(.failure(.cancellation))
            forget()
        }
        return try outcome.get()
    }
}
