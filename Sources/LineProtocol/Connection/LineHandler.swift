internal import DequeModule
internal import JSONText
package import NIOCore
internal import QueryProxy

/// Fired into a connection's pipeline when the server stops: answer what has begun, then close.
package enum LineServerDrain: Sendable {
    case begin
}

/// One connection: takes lines, answers them.
///
/// Lines wait in `waiting` while as many requests run as may, or while the client does not read its answers (the channel is
/// not writable); meanwhile nothing is read from the socket, so what a connection can make the server hold is bounded by
/// one read's lines and `maximumInFlight` answers.
///
/// A client that has shut down its side still gets its answers (`printf … | nc`). Whether it went away altogether cannot be
/// told from that, so if an answer takes long a single space is sent, which JSON allows before a value: a socket that is
/// closed on the other side answers with a reset, and what ran for it is cancelled.
package final class LineHandler: ChannelDuplexHandler {
    package typealias InboundIn = Line
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    /// How long answers may take after the client shut down its side before it is asked whether it is still there.
    private static let probeDelay = TimeAmount.milliseconds(250)

    private struct Reply {
        let id: String?
        let response: Response
    }

    private enum Input {
        case open
        /// The client has shut down its side, or said QUIT, or the server drains: answer, then close.
        case closing
    }

    private let handler: any RequestHandler
    private let configuration: LineServerConfiguration
    private let statistics: LineServerStatistics

    private var order = ReplyOrder<Reply>()
    private var waiting: Deque<Line> = []
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var nextTask = 0
    private var input = Input.open
    private var isDraining = false
    private var isReadHeld = false
    private var isProcessing = false
    private var isReading = false
    private var isFinished = false
    private var output: ByteBuffer?
    private var executor: EventLoopTaskExecutor?

    package init(
        handler: any RequestHandler,
        configuration: LineServerConfiguration,
        statistics: LineServerStatistics
    ) {
        self.handler = handler
        self.configuration = configuration
        self.statistics = statistics
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        executor = EventLoopTaskExecutor(context.eventLoop)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        waiting.append(unwrapInboundIn(data))
        process(context)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush(context)
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        if canBegin(context) && waiting.isEmpty && input == .open {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        process(context)
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        input = .closing
        waiting.removeAll()
        for task in tasks.values { task.cancel() }
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or TLS that failed: nothing more can be said to this client.
        context.close(promise: nil)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            input = .closing
            process(context)
            if order.inFlight > 0 { scheduleProbe(context) }
        case is LineServerDrain:
            isDraining = true
            input = .closing
            process(context)
        case let event as IdleStateHandler.IdleStateEvent where event == .all:
            if order.inFlight == 0 && waiting.isEmpty { context.close(promise: nil) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Requests

    private func canBegin(_ context: ChannelHandlerContext) -> Bool {
        order.inFlight < configuration.maximumInFlight && context.channel.isWritable
    }

    /// Begins as many of the waiting lines as may begin; then goes on reading, or closes.
    private func process(_ context: ChannelHandlerContext) {
        // A reply written below may make the channel unwritable and call back in here.
        if isProcessing { return }
        isProcessing = true
        while canBegin(context), let line = waiting.popFirst() { begin(line, context) }
        isProcessing = false
        if !isReading { flush(context) }
        if input == .closing {
            if order.inFlight == 0 && waiting.isEmpty { finish(context) }
        } else if isReadHeld && waiting.isEmpty && canBegin(context) {
            isReadHeld = false
            context.read()
        }
    }

    private func begin(_ line: Line, _ context: ChannelHandlerContext) {
        statistics.requestBegan()
        guard case .text(let text) = line else {
            let message = "the line is longer than \(configuration.maximumRequestBytes) bytes"
            return refuse(ProxyError(.requestTooLarge, message), id: nil, context)
        }
        let request: LineRequest
        do throws(LineRequestError) {
            request = try LineRequest(line: text)
        } catch {
            return refuse(error.error, id: error.id, context)
        }
        if isDraining {
            return refuse(ProxyError(.shuttingDown, "the server is shutting down"), id: request.id, context)
        }
        switch request.operation {
        case .ping: answer(Greeting.pong, id: request.id, context)
        case .hello: answer(Greeting.hello(configuration), id: request.id, context)
        case .help: answer(Greeting.help, id: request.id, context)
        case .quit:
            answer(Greeting.goodbye, id: request.id, context)
            input = .closing
            waiting.removeAll()
        case .proxy(let proxyRequest):
            if let response = handler.immediateResponse(to: proxyRequest) {
                answer(response, id: request.id, context)
            } else {
                run(proxyRequest, id: request.id, context)
            }
        }
    }

    private func refuse(_ error: ProxyError, id: String?, _ context: ChannelHandlerContext) {
        handler.refused(error)
        answer(.failure(error), id: id, context)
    }

    /// Answers a request that needed no waiting.
    private func answer(_ response: Response, id: String?, _ context: ChannelHandlerContext) {
        if id != nil || order.isOrderedQueueEmpty {
            write(Reply(id: id, response: response), context)
        } else {
            let place = order.begin(isOrdered: true)
            for reply in order.complete(place, with: Reply(id: id, response: response)) { write(reply, context) }
        }
    }

    private func run(_ request: ProxyRequest, id: String?, _ context: ChannelHandlerContext) {
        let place = order.begin(isOrdered: id == nil)
        let number = nextTask
        nextTask += 1
        let eventLoop = context.eventLoop
        let handler = self.handler
        let context = NIOLoopBound(context, eventLoop: eventLoop)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        tasks[number] = Task(executorPreference: executor) {
            let response = await handler.response(to: request, on: eventLoop)
            eventLoop.execute {
                this.value.completed(number, place, request, Reply(id: id, response: response), context.value)
            }
        }
    }

    private func completed(
        _ task: Int,
        _ place: ReplyOrder<Reply>.Place,
        _ request: ProxyRequest,
        _ reply: Reply,
        _ context: ChannelHandlerContext
    ) {
        tasks[task] = nil
        var reply = reply
        if request == .stats, case .members(var members) = reply.response {
            statistics.write(into: &members, limit: configuration.maximumConnections)
            reply = Reply(id: reply.id, response: .members(members))
        }
        let ready = order.complete(place, with: reply)
        guard context.channel.isActive else { return }
        for reply in ready { write(reply, context) }
        process(context)
    }

    // MARK: Output

    private func write(_ reply: Reply, _ context: ChannelHandlerContext) {
        var buffer = output ?? context.channel.allocator.buffer(capacity: 1024)
        output = nil
        if let body = reply.response.body, body.readableBytes > ByteBuffer.largestCopiedBody {
            buffer.writeReplyStart(id: reply.id)
            reply.response.writeHead(into: &buffer)
            context.write(wrapOutboundOut(buffer), promise: nil)
            context.write(wrapOutboundOut(body), promise: nil)
            var end = context.channel.allocator.buffer(capacity: 1024)
            end.writeReplyEnd()
            output = end
        } else {
            buffer.writeReply(reply.response, id: reply.id)
            output = buffer
        }
        // What has piled up goes to the channel, so that its writability tells the truth about a client that does not read.
        if let output, output.readableBytes > ByteBuffer.largestCopiedBody { flush(context) }
    }

    private func flush(_ context: ChannelHandlerContext) {
        if let output {
            self.output = nil
            context.write(wrapOutboundOut(output), promise: nil)
            context.flush()
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        if isFinished { return }
        isFinished = true
        flush(context)
        // Closing drops what the socket has not taken yet, so it waits for the last byte.
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func scheduleProbe(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.probeDelay) {
            let context = bound.value
            guard context.channel.isActive, this.value.order.inFlight > 0 else { return }
            context.writeAndFlush(this.value.wrapOutboundOut(ByteBuffer(string: " ")), promise: nil)
            this.value.scheduleProbe(context)
        }
    }
}
