package import NIOCore
internal import QueryCache
package import RedisClient
internal import Synchronization

/// Tells the other proxies what has been invalidated.
///
/// The first invalidation after a pause is told at once. Those that follow within the window are put together and told at
/// its end, so that however many writes there are, a proxy sends at most one message (and what other services need
/// besides) per window. That is safe because the message only hastens what is true already: the generations in Redis were renewed
/// before. It delays other proxies' memory by the window at most.
///
/// Everything goes over one event loop's connection, so messages arrive in the order of their numbers.
package final class InvalidationPublisher: Sendable {
    private struct State {
        var sequence: Int64 = 0
        var waiting: Invalidation?
        var onFailure: [@Sendable () -> Void] = []
        var isWindowOpen = false
    }

    package let origin: String
    private let channel: String
    private let controlChannel: String
    private let transmit: Transmit
    private let eventLoop: any EventLoop
    private let window: TimeAmount
    private let state = Mutex(State())

    /// Sends commands over the event loop's connection to Redis.
    package typealias Transmit = @Sendable ([RedisCommand]) -> EventLoopFuture<[RESPValue]>

    /// - Parameter window: how long invalidations are gathered after one has been told.
    package init(
        origin: String,
        channel: String,
        controlChannel: String,
        eventLoop: any EventLoop,
        window: TimeAmount = .milliseconds(4),
        transmit: @escaping Transmit
    ) {
        self.origin = origin
        self.channel = channel
        self.controlChannel = controlChannel
        self.transmit = transmit
        self.eventLoop = eventLoop
        self.window = window
    }

    /// The number of the last message.
    var sequence: Int64 { state.withLock { $0.sequence } }

    /// - Parameter onFailure: called when the message may not have been sent.
    func publish(_ invalidation: Invalidation, onFailure: @escaping @Sendable () -> Void) {
        let begins = state.withLock { state in
            if state.waiting == nil {
                state.waiting = invalidation
            } else {
                state.waiting?.add(invalidation)
            }
            state.onFailure.append(onFailure)
            defer { state.isWindowOpen = true }
            return !state.isWindowOpen
        }
        if begins { eventLoop.execute { self.send() } }
    }

    /// Sends what waits, and opens the next window; closes it when nothing came in the last one.
    private func send() {
        let (invalidation, onFailure) = state.withLock { state in
            defer {
                state.onFailure = []
                state.waiting = nil
            }
            if state.waiting == nil { state.isWindowOpen = false }
            return (state.waiting, state.onFailure)
        }
        guard let invalidation else { return }
        var commands: [RedisCommand] = []
        for message in InvalidationMessage.messages(for: invalidation) {
            var message = message
            message.origin = origin
            message.sequence = state.withLock { state in
                state.sequence += 1
                return state.sequence
            }
            commands.append(RedisCommand("PUBLISH", [ByteBuffer(string: channel), message.bytes]))
        }
        transmit(commands).whenComplete { result in
            if case .success(let replies) = result, !replies.contains(where: { $0.errorMessage != nil }) { return }
            for action in onFailure { action() }
        }
        eventLoop.scheduleTask(in: window) { self.send() }
    }

    /// Sends a heartbeat or a farewell after everything that was published before.
    func send(_ message: ControlMessage) -> EventLoopFuture<Void> {
        let command = RedisCommand("PUBLISH", [ByteBuffer(string: controlChannel), message.bytes])
        return eventLoop.flatSubmit {
            // Nothing is said after a farewell.
            if case .goodbye = message { self.send() }
            return self.transmit([command]).map { _ in }
        }
    }
}
