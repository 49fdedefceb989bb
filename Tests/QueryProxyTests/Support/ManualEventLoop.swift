import Dispatch
import NIOCore
import Synchronization

/// An event loop without a thread: what it is given runs at once, and its timers when a test moves its time on.
final class ManualEventLoop: EventLoop {
    private struct Timer {
        var number: Int
        var deadline: NIODeadline
        var action: @Sendable () -> Void
    }

    private struct State {
        var now = NIODeadline.uptimeNanoseconds(0)
        var timers: [Timer] = []
        var next = 0
    }

    private let state = Mutex(State())

    var timers: Int { state.withLock { $0.timers.count } }
    var inEventLoop: Bool { true }
    func next() -> any EventLoop { self }
    func execute(_ task: @escaping @Sendable () -> Void) { task() }

    func advance(by time: TimeAmount) {
        let due = state.withLock { state in
            state.now = state.now + time
            let due = state.timers.filter { $0.deadline <= state.now }
            state.timers.removeAll { $0.deadline <= state.now }
            return due.sorted { $0.deadline < $1.deadline }
        }
        for timer in due { timer.action() }
    }

    @discardableResult
    func scheduleTask<Value>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        let promise = makePromise(of: Value.self)
        let number = state.withLock { state in
            state.next += 1
            let timer = Timer(number: state.next, deadline: deadline) {
                promise.assumeIsolated().completeWith(Result { try task() })
            }
            state.timers.append(timer)
            return state.next
        }
        return Scheduled(promise: promise) {
            self.state.withLock { state in state.timers.removeAll { $0.number == number } }
        }
    }

    @discardableResult
    func scheduleTask<Value>(
        in time: TimeAmount,
        _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        scheduleTask(deadline: state.withLock { $0.now } + time, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        callback(nil)
    }
}

/// A count that callbacks raise.
final class SharedCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() {
        count.withLock { $0 += 1 }
    }
}
