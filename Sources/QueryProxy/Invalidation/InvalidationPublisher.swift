package import Logging
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
        var onEnd: [@Sendable (Outcome) -> Void] = []
        var isWindowOpen = false
        /// By channel.
        var standings: [String: Standing] = [:]
    }

    /// What became of a message.
    package enum Outcome: Sendable, Equatable {
        case sent
        /// Redis takes no messages from us. Others find a number missing in the next heartbeat, and empty their memory.
        case refused(String)
        /// It may not have been sent.
        case lost
    }

    /// Whether Redis takes our messages, as far as the last ones tell.
    package enum Standing: Sendable, Equatable {
        /// Nothing was published yet, or not since the connection was lost.
        case unknown
        case open
        case refused(String)
    }

    package let origin: String
    private let channel: String
    private let controlChannel: String
    private let transmit: Transmit
    private let eventLoop: any EventLoop
    private let window: TimeAmount
    private let logger: Logger
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
        logger: Logger,
        transmit: @escaping Transmit
    ) {
        self.origin = origin
        self.channel = channel
        self.controlChannel = controlChannel
        self.transmit = transmit
        self.eventLoop = eventLoop
        self.window = window
        self.logger = logger
    }

    /// The number of the last message.
    var sequence: Int64 { state.withLock { $0.sequence } }

    /// Whether Redis takes invalidations.
    var standing: Standing { state.withLock { $0.standings[channel] ?? .unknown } }

    /// - Parameter onEnd: called once, when it is known what became of the message.
    func publish(_ invalidation: Invalidation, onEnd: @escaping @Sendable (Outcome) -> Void) {
        let begins = state.withLock { state in
            if state.waiting == nil {
                state.waiting = invalidation
            } else {
                state.waiting?.add(invalidation)
            }
            state.onEnd.append(onEnd)
            defer { state.isWindowOpen = true }
            return !state.isWindowOpen
        }
        if begins { eventLoop.execute { self.send() } }
    }

    /// Sends what waits, and opens the next window; closes it when nothing came in the last one.
    private func send() {
        let (invalidation, onEnd) = state.withLock { state in
            defer {
                state.onEnd = []
                state.waiting = nil
            }
            if state.waiting == nil { state.isWindowOpen = false }
            return (state.waiting, state.onEnd)
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
            let outcome = Outcome(result)
            self.took(outcome, self.channel)
            for action in onEnd { action(outcome) }
        }
        eventLoop.scheduleTask(in: window) { self.send() }
    }

    /// Says so once when Redis begins to refuse our messages on a channel, and once when it takes them again.
    private func took(_ outcome: Outcome, _ channel: String) {
        let now = Standing(outcome)
        let before = state.withLock { $0.standings.updateValue(now, forKey: channel) } ?? .unknown
        switch (before, now) {
        case (.refused, .refused), (.unknown, .open), (.open, .open), (_, .unknown): break
        case (_, .refused(let reason)):
            logger.warning(
                "Redis refuses to publish: other proxies hear late of what changes here",
                metadata: ["reason": "\(reason)", "grant": "+publish &\(channel)"]
            )
        case (.refused, .open):
            logger.notice("Redis takes what is published again", metadata: ["channel": "\(channel)"])
        }
    }

    /// Sends a heartbeat or a farewell after everything that was published before.
    func send(_ message: ControlMessage) -> EventLoopFuture<Void> {
        let command = RedisCommand("PUBLISH", [ByteBuffer(string: controlChannel), message.bytes])
        return eventLoop.flatSubmit {
            // Nothing is said after a farewell.
            if case .goodbye = message { self.send() }
            let sent = self.transmit([command])
            sent.whenComplete { self.took(Outcome($0), self.controlChannel) }
            return sent.map { _ in }
        }
    }
}

extension InvalidationPublisher.Outcome {
    fileprivate init(_ result: Result<[RESPValue], any Error>) {
        switch result {
        case .success(let replies):
            self = replies.lazy.compactMap(\.errorMessage).first.map { .refused($0) } ?? .sent
        case .failure: self = .lost
        }
    }
}

extension InvalidationPublisher.Standing {
    fileprivate init(_ outcome: InvalidationPublisher.Outcome) {
        switch outcome {
        case .sent: self = .open
        case .refused(let reason): self = .refused(reason)
        case .lost: self = .unknown
        }
    }
}
