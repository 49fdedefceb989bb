package import NIOCore
package import QueryCache
internal import Synchronization

/// A source that is asked without a task, and answers when it is told to.
package final class DirectSource: QuerySource {
    private struct State {
        var takes = true
        var bodies: [@Sendable (DirectAnswer) -> Void] = []
        var fetches = 0
        var failure: (any Error)?
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether it takes questions without a task.
    package var takes: Bool {
        get { state.withLock { $0.takes } }
        set { state.withLock { $0.takes = newValue } }
    }

    /// What it fails with when it is asked with a task.
    package var failure: (any Error)? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    /// Questions without a task, and with one.
    package var asked: Int { state.withLock { $0.bodies.count } }
    package var fetches: Int { state.withLock { $0.fetches } }

    package func fetchDirectly(_ body: @escaping @Sendable (DirectAnswer) -> Void) -> Bool {
        state.withLock { state in
            if state.takes { state.bodies.append(body) }
            return state.takes
        }
    }

    /// Ends the question of that number, counted from 0.
    package func end(_ number: Int, _ answer: DirectAnswer) {
        state.withLock { $0.bodies[number] }(answer)
    }

    package func fetch() async throws -> ByteBuffer {
        let failure = state.withLock { state in
            state.fetches += 1
            return state.failure
        }
        if let failure { throw failure }
        return ByteBuffer(string: "fetched")
    }
}
