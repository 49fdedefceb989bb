internal import Logging
internal import NIOCore
internal import Synchronization

// One subscription: a connection of its own, made again whenever it ends, and the stream that tells what came.
//
// The stream holds a bounded number of events. When its reader falls so far behind that one does not fit, the connection is
// ended: the reader then sees `lost` before the next `subscribed`, so that it knows that messages are missing.
//
// - `subscribed` and `lost` alternate, beginning with `subscribed`, unless the reader has fallen behind; then another
//   `subscribed` says that what was known is void.
final class RedisSubscription: Sendable {
    /// How many events wait for the reader at most.
    static let capacity = 1 << 16

    private struct State {
        var isEnded = false
        /// Whether a `subscribed` was told and not yet followed by a `lost`.
        var owesLoss = false
        var end: (@Sendable (RedisError) -> Void)?
    }

    private let channels: [String]
    private let eventLoop: any EventLoop
    private let continuation: AsyncStream<RedisSubscriptionEvent>.Continuation
    private let state = Mutex(State())

    init(
        channels: [String],
        eventLoop: any EventLoop,
        continuation: AsyncStream<RedisSubscriptionEvent>.Continuation
    ) {
        self.channels = channels
        self.eventLoop = eventLoop
        self.continuation = continuation
    }

    /// Connects again and again until the reader has gone or the task is cancelled.
    func maintain(_ connector: RedisConnector, _ configuration: RedisConfiguration, _ logger: Logger) async {
        var backOff = BackOff()
        while !Task.isCancelled, !state.withLock({ $0.isEnded }) {
            let started = NIODeadline.now()
            let reason = await connection(connector, configuration)
            let delay = backOff.next(lifetime: .now() - started, random: Double.random(in: 0..<1))
            logger.debug("a subscription was lost", metadata: [LogKey.reason: "\(reason)"])
            try? await Task.sleep(nanoseconds: UInt64(max(0, delay.nanoseconds)))
        }
        stop()
    }

    /// Ends the stream and the connection.
    func stop() {
        let end = state.withLock { state in
            state.isEnded = true
            return state.end.take()
        }
        end?(.stopped)
        continuation.finish()
    }

    private func connection(_ connector: RedisConnector, _ configuration: RedisConfiguration) async -> RedisError {
        let promise = eventLoop.makePromise(of: RedisError.self)
        let deadline = NIODeadline.now() + configuration.connectTimeout
        let connecting = connector.connect(on: eventLoop) {
            self.makeHandler(configuration, deadline: deadline, promise)
        }
        connecting.whenFailure { error in
            promise.succeed(RedisError(code: .unavailable, message: "Redis cannot be reached: \(error)"))
        }
        return await withTaskCancellationHandler {
            await promise.futureResult.ended()
        } onCancel: {
            self.stop()
        }
    }

    /// Called on the event loop.
    private func makeHandler(
        _ configuration: RedisConfiguration,
        deadline: NIODeadline,
        _ promise: EventLoopPromise<RedisError>
    ) -> SubscriptionHandler {
        let machine = SubscriptionMachine(
            channels: channels,
            handshake: RedisHandshake(settings: configuration.handshakeSettings),
            timeout: configuration.socketTimeout
        )
        let events = SubscriptionHandler.Events(
            subscribed: { self.tell(.subscribed($0)) },
            message: { self.tell(.message(channel: $0, $1)) },
            closed: { reason in
                self.lost()
                promise.succeed(reason)
            }
        )
        let handler = SubscriptionHandler(machine: machine, handshakeDeadline: deadline, events: events)
        let bound = NIOLoopBound(handler, eventLoop: eventLoop)
        let isEnded = state.withLock { state in
            state.end = { [eventLoop] reason in
                // Later than now, even on the loop: the end may be called for by what the handler is just doing.
                eventLoop.execute { bound.value.close(reason) }
            }
            return state.isEnded
        }
        if isEnded { stop() }
        return handler
    }

    private func tell(_ event: RedisSubscriptionEvent) {
        let end = state.withLock { state -> (@Sendable (RedisError) -> Void)? in
            if case .subscribed = event { state.owesLoss = true }
            return state.end
        }
        if case .dropped = continuation.yield(event) {
            end?(RedisError(code: .unavailable, message: "messages come faster than they are taken"))
        }
    }

    private func lost() {
        let owesLoss = state.withLock { state in
            state.end = nil
            return state.owesLoss
        }
        guard owesLoss else { return }
        if case .dropped = continuation.yield(.lost) { return }
        state.withLock { $0.owesLoss = false }
    }
}

extension EventLoopFuture where Value: Sendable {
    /// Waits for a future that does not fail.
    func ended() async -> Value {
        await withCheckedContinuation { continuation in
            whenSuccess { continuation.resume(returning: $0) }
        }
    }
}
