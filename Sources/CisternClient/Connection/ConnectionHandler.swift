internal import DequeModule
internal import NIOCore

/// The shell around ``OutstandingRequests``: writes requests, hands out answers, watches the times.
///
/// Requests are written together, as many as have come since the last turn of the event loop, and only while the socket
/// takes them: what it does not take stays in `pending`, whose length the pool bounds.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the owner is told, on the event loop.
    struct Events: Sendable {
        /// A request no longer takes a place: it has been answered, or was never sent.
        var freed: @Sendable () -> Void = {}
        /// The connection has ended; told once.
        var closed: @Sendable (CisternError) -> Void = { _ in }
    }

    /// So many bytes are gathered before they are handed to the socket.
    private static let writeSize = 32 * 1024

    var events = Events()
    /// Bytes; a longer request is not sent. The server tells it in `hello`.
    var maximumRequestBytes = Int.max

    /// Whether lines are handed out as they come, whatever they are, to requests in order. (Redis is spoken to so.)
    private let isRaw: Bool
    private var outstanding: OutstandingRequests<Exchange>
    private var pending: Deque<Exchange> = []
    private var context: ChannelHandlerContext?
    private var end: CisternError?
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?

    init(isRaw: Bool, probeTimeout: TimeAmount = .seconds(5)) {
        self.isRaw = isRaw
        self.outstanding = OutstandingRequests(probeTimeout: probeTimeout)
    }

    var isEnded: Bool { end != nil }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(CisternError(.connectionLost, "the connection is closed"))
        self.context = nil
    }

    // MARK: Sending

    func send(_ exchanges: [Exchange]) {
        pending.append(contentsOf: exchanges)
        writePending()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { writePending() }
        context.fireChannelWritabilityChanged()
    }

    private func writePending() {
        guard let context, end == nil else { return failPending() }
        let now = context.eventLoop.now
        var hasWritten = false
        while context.channel.isWritable, !pending.isEmpty {
            var output = ByteBuffer()
            while output.readableBytes < Self.writeSize, let exchange = pending.popFirst() {
                take(exchange, into: &output, now)
            }
            guard output.readableBytes > 0 else { continue }
            context.write(wrapOutboundOut(output), promise: nil)
            hasWritten = true
        }
        if hasWritten { context.flush() }
        watchTime()
    }

    private func take(_ exchange: Exchange, into output: inout ByteBuffer, _ now: NIODeadline) {
        if exchange.isSettled { return events.freed() }
        if exchange.line.readableBytes - 1 > maximumRequestBytes {
            let message =
                "the request has \(exchange.line.readableBytes - 1) bytes; the server takes \(maximumRequestBytes)"
            events.freed()
            return exchange.settle(.failure(CisternError(.requestTooLarge, message)))
        }
        let number = exchange.kind == .numbered ? exchange.number : nil
        outstanding.sent(exchange, number: number, deadline: exchange.deadline, now: now)
        output.writeImmutableBuffer(exchange.line)
    }

    private func failPending() {
        let exchanges = pending
        pending.removeAll()
        let reason = end ?? CisternError(.connectionLost, "the connection is closed")
        for exchange in exchanges { exchange.settle(.failure(reason)) }
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let line = unwrapInboundIn(data)
        let id: UInt64?
        if isRaw {
            id = nil
        } else {
            switch AnswerID(of: line) {
            case .number(let number): id = number
            case .none: id = nil
            case .foreign, .malformed: return close(.bad("is not one to a request that was sent"))
            }
        }
        switch outstanding.received(id: id, now: context.eventLoop.now) {
        case .request(let exchange):
            // Before the answer is told: with the greeting's answer, the connection gets its owner, whom this must not reach.
            events.freed()
            exchange.settle(.success(line))
        case .probe: break
        case .nobody: close(Self.unasked(line))
        }
    }

    /// What the server says without being asked, before it hangs up (too many connections).
    private static func unasked(_ line: ByteBuffer) -> CisternError {
        do throws(CisternError) {
            _ = try Answer(line)
            return .bad("came without a request")
        } catch {
            return error
        }
    }

    // MARK: Time

    private func watchTime() {
        guard let context, end == nil, let next = outstanding.nextDeadline, next < .distantFuture else { return }
        if let timer, timer.at <= next { return }
        timer?.task.cancel()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (next, context.eventLoop.scheduleTask(deadline: next) { handler.value.tick() })
    }

    private func tick() {
        timer = nil
        guard let context, end == nil else { return }
        let now = context.eventLoop.now
        let tick = outstanding.tick(now: now)
        for exchange in tick.expired { exchange.settle(.failure(.late)) }
        // Those that the socket has not taken yet; nobody waits for them any longer.
        for exchange in pending where exchange.deadline <= now { exchange.settle(.failure(.late)) }
        if tick.isDead { return close(CisternError(.connectionLost, "the server does not answer")) }
        if tick.sendsProbe, !isRaw {
            let probe = Exchange(.numbered, deadline: .distantFuture) { RequestLine.bare("ping", number: $0) }
            outstanding.probeSent(number: probe.number, now: now)
            context.writeAndFlush(wrapOutboundOut(probe.line), promise: nil)
        }
        watchTime()
    }

    // MARK: The end

    func channelInactive(context: ChannelHandlerContext) {
        finish(CisternError(.connectionLost, "the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(error as? CisternError ?? CisternError(.connectionLost, "the connection failed: \(error)"))
    }

    func close(_ reason: CisternError) {
        finish(reason)
        context?.close(promise: nil)
    }

    private func finish(_ reason: CisternError) {
        guard end == nil else { return }
        end = reason
        timer?.task.cancel()
        // The owner first: whoever is told of the end and asks again must not be sent here.
        events.closed(reason)
        for exchange in outstanding.removeAll() { exchange.settle(.failure(reason)) }
        failPending()
    }
}

extension CisternError {
    static let late = CisternError(.noAnswer, "no answer came in time")
}
