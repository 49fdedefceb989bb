internal import NIOCore

// The shell around RedisConnectionMachine: it lives in the channel's pipeline and on its event loop only.
//
// Commands are gathered in one buffer and written when the event loop has finished with what it is reading now, so that
// the requests of many clients that arrived together leave in one system call.

/// Speaks on one connection for commands.
final class RedisConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Who is told the replies, on the connection's event loop.
    enum Waiter: Sendable {
        case promise(EventLoopPromise<[RESPValue]>)
        case callback(@Sendable (Result<[RESPValue], RedisError>) -> Void)

        func succeed(_ replies: [RESPValue]) {
            switch self {
            case .promise(let promise): promise.succeed(replies)
            case .callback(let body): body(.success(replies))
            }
        }

        func fail(_ error: RedisError) {
            switch self {
            case .promise(let promise): promise.fail(error)
            case .callback(let body): body(.failure(error))
            }
        }
    }

    /// What the owner is told, on the event loop; `closed` exactly once.
    struct Events {
        var ready: (RedisServerIdentity) -> Void
        var closed: (RedisError) -> Void
    }

    /// From this size on, a command's bytes are handed to the socket as they are instead of being copied.
    private static let copyLimit = 16 * 1024

    private var machine: RedisConnectionMachine<Waiter>
    private let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder())
    private let handshakeDeadline: NIODeadline
    private let events: Events
    private var context: ChannelHandlerContext?
    private var outgoing = ByteBuffer()
    private var isFlushScheduled = false
    private var isTimerScheduled = false
    private(set) var identity: RedisServerIdentity?

    init(
        handshake: RedisHandshake,
        timeout: TimeAmount,
        handshakeDeadline: NIODeadline,
        limits: RedisPipeline<Waiter>.Limits = RedisPipeline<Waiter>.Limits(),
        events: Events
    ) {
        self.machine = RedisConnectionMachine(handshake: handshake, timeout: timeout, limits: limits)
        self.handshakeDeadline = handshakeDeadline
        self.events = events
    }

    var isReady: Bool { machine.isReady }

    // MARK: Sending

    /// Sends the commands together; the waiter is told as many replies, or the error.
    func send(_ commands: [RedisCommand], waiter: Waiter) {
        let bytes = commands.reduce(0) { $0 + $1.encodedLength }
        switch machine.send(waiter, count: commands.count, bytes: bytes, now: now) {
        case .write:
            write(commands)
            scheduleTimer()
        case .refuse(let error):
            waiter.fail(error)
        }
    }

    /// The same for commands that are encoded already.
    func send(_ batch: RedisBatch, waiter: Waiter) {
        switch machine.send(waiter, count: batch.count, bytes: batch.encoded.count, now: now) {
        case .write:
            outgoing.writeBytes(batch.encoded)
            flushSoon()
            scheduleTimer()
        case .refuse(let error):
            waiter.fail(error)
        }
    }

    /// Ends the connection; whoever waits is told the reason.
    func close(_ reason: RedisError) {
        carryOut(machine.close(reason))
    }

    private func write(_ commands: [RedisCommand]) {
        guard let context else { return }
        for command in commands {
            if command.body.readableBytes < RedisConnectionHandler.copyLimit {
                command.encode(into: &outgoing)
            } else {
                command.encodeHeader(into: &outgoing)
                writeOutgoing(context)
                context.write(wrapOutboundOut(command.body), promise: nil)
            }
        }
        flushSoon()
    }

    private func flushSoon() {
        guard !isFlushScheduled, let context else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        guard let context else { return }
        writeOutgoing(context)
        context.flush()
    }

    private func writeOutgoing(_ context: ChannelHandlerContext) {
        guard outgoing.readableBytes > 0 else { return }
        context.write(wrapOutboundOut(outgoing), promise: nil)
        outgoing.clear()
    }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { activate(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        activate(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try processor.process(buffer: unwrapInboundIn(data)) { reply in
                carryOut(machine.received(reply))
            }
        } catch let error as RESPError {
            carryOut(machine.malformed(error))
        } catch {
            close(RedisError(code: .protocolViolation, message: "\(error)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        close(.closedByPeer)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        close(.closedByPeer)
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(RedisError(code: .unavailable, message: "the connection to Redis failed: \(error)"))
    }

    private func activate(_ context: ChannelHandlerContext) {
        guard case .send(let commands) = machine.activated() else { return }
        write(commands)
        context.eventLoop.assumeIsolated().scheduleTask(deadline: handshakeDeadline) {
            self.carryOut(self.machine.handshakeTimedOut())
        }
    }

    // MARK: Time

    private var now: NIODeadline { context?.eventLoop.now ?? .now() }

    /// One timer per connection, set for the oldest command: it looks anew when it fires.
    private func scheduleTimer() {
        guard !isTimerScheduled, let context, let deadline = machine.nextDeadline else { return }
        isTimerScheduled = true
        context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.isTimerScheduled = false
            self.carryOut(self.machine.timerFired(now: self.now))
        }
    }

    // MARK: Actions

    private func carryOut(_ action: RedisConnectionMachine<Waiter>.ReceiveAction) {
        switch action {
        case .none: break
        case .send(let commands): write(commands)
        case .ready(let identity):
            self.identity = identity
            events.ready(identity)
        case .deliver(let waiter, let replies): waiter.succeed(replies)
        case .close(let reason, let waiters): end(reason, waiters)
        }
    }

    private func carryOut(_ action: RedisConnectionMachine<Waiter>.TimerAction) {
        switch action {
        case .none: break
        case .rearm: scheduleTimer()
        case .close(let reason, let waiters): end(reason, waiters)
        }
    }

    private func end(_ reason: RedisError, _ waiters: [Waiter]) {
        // The owner first: a waiter that tries again at once must find that this connection is gone.
        events.closed(reason)
        for waiter in waiters { waiter.fail(reason) }
        context?.close(promise: nil)
    }
}
