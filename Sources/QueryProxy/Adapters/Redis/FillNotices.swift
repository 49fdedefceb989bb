internal import NIOCore
internal import Synchronization

/// Those who wait until another proxy has filled a key.
final class FillNotices: Sendable {
    private struct State {
        var waiters: [String: [Int: EventLoopPromise<Void>]] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let eventLoopGroup: any EventLoopGroup

    init(_ eventLoopGroup: any EventLoopGroup) {
        self.eventLoopGroup = eventLoopGroup
    }

    /// Registers someone who waits; the future succeeds at the notice, or when the time is over.
    func wait(for key: String, atMost time: TimeAmount) -> EventLoopFuture<Void> {
        let eventLoop = eventLoopGroup.next()
        let promise = eventLoop.makePromise(of: Void.self)
        let number = state.withLock { state in
            state.next += 1
            state.waiters[key, default: [:]][state.next] = promise
            return state.next
        }
        let timeout = eventLoop.scheduleTask(in: time) { self.end(number, of: key) }
        promise.futureResult.whenComplete { _ in timeout.cancel() }
        return promise.futureResult
    }

    private func end(_ number: Int, of key: String) {
        let promise = state.withLock { state in
            let promise = state.waiters[key]?.removeValue(forKey: number)
            if state.waiters[key]?.isEmpty == true { state.waiters[key] = nil }
            return promise
        }
        promise?.succeed()
    }

    func filled(_ key: String) {
        let promises = state.withLock { $0.waiters.removeValue(forKey: key) }
        for promise in (promises ?? [:]).values { promise.succeed() }
    }
}
