internal import JSONText
internal import Synchronization

/// Until when somebody waits for a connection, and what is said then.
struct Patience: Sendable {
    let end: ContinuousClock.Instant
    /// How long anybody may wait; nil where it is the statement's own time that ends.
    let limit: Duration?

    var error: PostgresError {
        guard let limit else {
            return PostgresError(.timeout, "no PostgreSQL connection came free within the statement's time limit")
        }
        return PostgresError(.acquireTimeout, "no PostgreSQL connection came free within \(limit)")
    }
}

/// A read that has been quick so far, on its way to a connection that it may share with others.
///
/// Invariant: whoever waits is told exactly once, the first outcome.
final class QuickRead: Sendable {
    enum Outcome: Sendable {
        case result(PostgresResult)
        case failure(PostgresError)
        /// It is to be run by itself. Nothing was changed, since it is a read.
        case again
    }

    private struct State {
        var receiver: (@Sendable (Outcome) -> Void)?
        var connection: PostgresConnection?
    }

    let step: PostgresStep
    let script: PostgresScript
    let parameters: [String?]
    let deadline: ContinuousClock.Instant?
    let patience: Patience
    let interruption = Interruption()
    private let state = Mutex(State())

    /// Nil where the script is more than one prepared read with plain parameters, or is not known to be quick.
    init?(
        _ script: PostgresScript,
        _ deadline: ContinuousClock.Instant?,
        patience: Patience
    ) {
        guard script.expectedDuration != nil, script.isReadOnly, !script.needsTransaction, script.steps.count == 1,
            let step = script.steps.first, step.isPrepared, let parameters = step.plainParameters
        else { return nil }
        self.script = script
        self.step = step
        self.parameters = parameters
        self.deadline = deadline
        self.patience = patience
    }

    var expectedDuration: Duration { script.expectedDuration ?? .zero }

    func outcome(_ begin: () -> Void) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                whenEnded { continuation.resume(returning: $0) }
                begin()
            }
        } onCancel: {
            interruption.raise()
            // Where it waits for others nobody waits for it any more.
            guard let connection = state.withLock({ $0.connection }) else { return end(.again) }
            connection.loop.interrupt(connection.socket)
        }
    }

    /// To be called before it begins.
    func whenEnded(_ receiver: @escaping @Sendable (Outcome) -> Void) {
        state.withLock { $0.receiver = receiver }
    }

    func began(on connection: PostgresConnection) {
        state.withLock { $0.connection = connection }
    }

    func end(_ outcome: Outcome) {
        let receiver = state.withLock { state in
            state.connection = nil
            return state.receiver.take()
        }
        receiver?(outcome)
    }
}

/// Quick reads that go to a connection together.
final class QuickReadBatch: Sendable {
    static let mostReads = 16
    /// As long as they may be expected to take together.
    static let longestExpected = Duration.milliseconds(5)
    /// A batch that takes longer lets those go that have not begun: one of them was not quick after all.
    static let patience = Duration.milliseconds(50)

    let reads: [QuickRead]
    /// The one that is waited for.
    private let head = Atomic<Int>(0)

    init(_ reads: [QuickRead]) {
        self.reads = reads
    }

    func isWaiting(for index: Int) {
        head.store(index, ordering: .releasing)
    }

    /// Lets those go, to other connections, that wait behind the one that runs. What they are answered here is thrown away.
    func letGo() {
        for read in reads.dropFirst(head.load(ordering: .acquiring) + 1) { read.end(.again) }
    }

    func endAll(_ outcome: QuickRead.Outcome) {
        for read in reads { read.end(outcome) }
    }
}

extension PostgresStep {
    /// Nil where one of the parameters needs its type, or cannot be sent.
    fileprivate var plainParameters: [String?]? {
        var texts: [String?] = []
        texts.reserveCapacity(parameters.count)
        for parameter in parameters {
            switch parameter {
            case .null: texts.append(nil)
            case .text(let text) where !text.holdsNUL: texts.append(text)
            case .text, .array, .object: return nil
            }
        }
        return texts
    }
}
