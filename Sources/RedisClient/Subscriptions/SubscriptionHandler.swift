internal import NIOCore

/// The shell around SubscriptionMachine, on the channel's event loop only.
final class SubscriptionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the owner is told, on the event loop; `closed` exactly once.
    struct Events {
        var subscribed: (RedisServerIdentity) -> Void
        var message: (String, ByteBuffer) -> Void
        var closed: (RedisError) -> Void
    }

    private static let tick: TimeAmount = .milliseconds(250)

    private var machine: SubscriptionMachine
    private let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder())
    private let handshakeDeadline: NIODeadline
    private let events: Events
    private var context: ChannelHandlerContext?
    private var ticking: RepeatedTask?

    init(machine: consuming SubscriptionMachine, handshakeDeadline: NIODeadline, events: Events) {
        self.machine = machine
        self.handshakeDeadline = handshakeDeadline
        self.events = events
    }

    func close(_ reason: RedisError) {
        carryOut(machine.close(reason))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { activate(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        activate(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = context.eventLoop.now
        do {
            try processor.process(buffer: unwrapInboundIn(data)) { value in
                carryOut(machine.received(value, now: now))
            }
        } catch {
            close(RedisError(code: .protocolViolation, message: "Redis sent what is not RESP: \(error)"))
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
        guard case .send(let commands) = machine.activated(now: context.eventLoop.now) else { return }
        write(commands)
        let eventLoop = context.eventLoop
        eventLoop.assumeIsolated().scheduleTask(deadline: handshakeDeadline) {
            self.carryOut(self.machine.handshakeTimedOut())
        }
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        ticking = eventLoop.scheduleRepeatedTask(
            initialDelay: SubscriptionHandler.tick,
            delay: SubscriptionHandler.tick
        ) { _ in
            handler.value.carryOut(handler.value.machine.tick(now: eventLoop.now))
        }
    }

    private func carryOut(_ action: SubscriptionMachine.Action) {
        switch action {
        case .none: break
        case .send(let commands): write(commands)
        case .subscribed(let identity): events.subscribed(identity)
        case .message(let channel, let payload): events.message(channel, payload)
        case .close(let reason):
            ticking?.cancel()
            ticking = nil
            events.closed(reason)
            context?.close(promise: nil)
        }
    }

    private func write(_ commands: [RedisCommand]) {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: commands.reduce(0) { $0 + $1.encodedLength })
        for command in commands { command.encode(into: &buffer) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}
