package import NIOCore
internal import QueryCache
internal import Synchronization

/// A source that answers when it is told to, and counts how often it was asked.
package final class GatedSource: QuerySource {
    private struct State {
        var asked = 0
        var cancelled = 0
        var gates: [Int: CheckedContinuation<Result<ByteBuffer, any Error>, Never>] = [:]
        var watchers: [(count: Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var asked: Int { state.withLock { $0.asked } }
    package var cancelled: Int { state.withLock { $0.cancelled } }

    package func fetch() async throws -> ByteBuffer {
        let number = state.withLock { state in
            state.asked += 1
            return state.asked
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { gate in
                let watchers = state.withLock { state in
                    state.gates[number] = gate
                    let ready = state.watchers.filter { $0.count <= number }
                    state.watchers.removeAll { $0.count <= number }
                    return ready
                }
                for watcher in watchers { watcher.1.resume() }
                if Task.isCancelled { open(number, .failure(CancellationError())) }
            }
        } onCancel: {
            state.withLock { $0.cancelled += 1 }
            open(number, .failure(CancellationError()))
        }
        return try result.get()
    }

    private func open(_ number: Int, _ result: Result<ByteBuffer, any Error>) {
        let gate = state.withLock { $0.gates.removeValue(forKey: number) }
        gate?.resume(returning: result)
    }

    /// Returns when it has been asked that many times.
    package func wasAsked(times count: Int) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.asked >= count && (state.gates[count] != nil || state.asked > count) { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    package func answer(_ text: String) {
        answer(1, text)
    }

    /// Answers the question of that number, counted from 1.
    package func answer(_ number: Int, _ text: String) {
        open(number, .success(ByteBuffer(string: text)))
    }

    package func fail(_ number: Int, _ error: any Error) {
        open(number, .failure(error))
    }
}

/// A source that answers at once with what a closure says.
package struct ImmediateSource: QuerySource {
    private let body: @Sendable () throws -> String

    package init(_ body: @escaping @Sendable () throws -> String) {
        self.body = body
    }

    package func fetch() async throws -> ByteBuffer {
        ByteBuffer(string: try body())
    }
}

/// PostgreSQL is away.
package struct Outage: SourceOutage {
    package init() {}
    package var isOutage: Bool { true }
}
