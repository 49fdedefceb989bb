internal import DequeModule
internal import JSONText
internal import NIOCore
internal import QueryProxy

/// Fired into a connection's pipeline when the server stops: answer what has begun, then close.
package enum LineServerDrain: Sendable {
    case begin
}

/// One connection: takes lines, answers them.
///
/// A line that was answered from the cache before is begun where it lies in what was read, without being taken out
/// (``RecalledLines``). From the first line on of which that cannot be said, the way is the long one:
///
/// Lines wait in `waiting` while as many requests run as may, or while the client does not read its answers (the channel is
/// not writable); meanwhile nothing is read from the socket, so what a connection can make the server hold is bounded by
/// two reads' lines and `maximumInFlight` answers.
///
/// A client that has shut down its side still gets its answers (`printf … | nc`). Whether it went away altogether cannot be
/// told from that, so if an answer takes long a single space is sent, which JSON allows before a value: a socket that is
/// closed on the other side answers with a reset, and what ran for it is cancelled.
final class LineHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// How long answers may take after the client shut down its side before it is asked whether it is still there.
    static let probeDelay = TimeAmount.milliseconds(250)

    typealias Place = ReplyOrder<Reply>.Place

    struct Reply {
        let id: String?
        let response: Response
    }

    enum Input {
        case open
        /// The client has shut down its side, or said QUIT, or the server drains: answer, then close.
        case closing
    }

    let handler: any RequestHandler
    let configuration: LineServerConfiguration
    let statistics: LineServerStatistics
    let loop: EventLoopShare

    var order = ReplyOrder<Reply>()
    private var decoder: LineDecoder
    /// What was read and has not been looked at.
    var unread: ByteBuffer?
    /// The same, read ahead of the channel.
    var unreadAhead: UnsafeRawBufferPointer?
    /// The beginning of a line whose end has not come.
    var unfinished: ByteBuffer?
    var waiting: Deque<Line> = []
    var pending: [Int: Pending] = [:]
    private var nextNumber = 0
    var input = Input.open
    var isDraining = false
    /// As the channel said last.
    private var isWritable = true
    var isReadHeld = false
    var isProcessing = false
    var isReading = false
    var isFinished = false
    var output = ByteBuffer()
    var context: ChannelHandlerContext?
    var isSendingSoon = false
    /// Where answers can be written without the pipeline; nil with TLS.
    var socket: DirectSocket?
    /// What was handed to the channel and has not been written yet, in writes.
    var channelWrites = 0
    var lastActivity = NIODeadline.now()
    var idleTimer: Scheduled<Void>?

    init(
        handler: any RequestHandler,
        configuration: LineServerConfiguration,
        statistics: LineServerStatistics,
        loop: EventLoopShare
    ) {
        self.handler = handler
        self.configuration = configuration
        self.statistics = statistics
        self.loop = loop
        decoder = LineDecoder(maximumLength: configuration.maximumRequestBytes)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watchIdleness(context)
        if configuration.tls == nil { socket = DirectSocket(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if unread == nil {
            loop.beginSoon(self)
        } else {
            // Its turn comes already.
            beginNow()
        }
        unread = unwrapInboundIn(data)
        lastActivity = loop.turnBegan
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // No handler follows to be told.
    }

    func read(context: ChannelHandlerContext) {
        // Also where what was read has not been begun: a channel that is held up leaves the selector, which costs two calls of
        // the system for every request.
        if canRead {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        process(context)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        socket = nil
        unread = nil
        unreadAhead = nil
        input = .closing
        waiting.removeAll()
        let pending = self.pending
        self.pending = [:]
        for request in pending.values { request.giveUp() }
        idleTimer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or TLS that failed: nothing more can be said to this client.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        beginNow()
        switch event {
        case ChannelEvent.inputClosed:
            if input == .open { takeLastLine() }
            input = .closing
            process(context)
            if order.inFlight > 0 { scheduleProbe(context) }
        case is LineServerDrain:
            isDraining = true
            input = .closing
            process(context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Lines

    func takeLines(from buffer: inout ByteBuffer) {
        if var earlier = unfinished {
            unfinished = nil
            earlier.writeBuffer(&buffer)
            buffer = earlier
        }
        while let line = decoder.decode(buffer: &buffer) { waiting.append(line) }
        guard buffer.readableBytes > 0 else { return }
        buffer.discardReadBytes()
        unfinished = buffer
    }

    private func takeLastLine() {
        guard var buffer = unfinished else { return }
        unfinished = nil
        while let line = decoder.decodeLast(buffer: &buffer, seenEOF: true) { waiting.append(line) }
    }

    // MARK: Requests

    var canBegin: Bool { order.inFlight < configuration.maximumInFlight && isWritable }

    var canRead: Bool { canBegin && waiting.isEmpty && input == .open }

    /// Something of what was begun has to be waited for.
    var hasWorkLeft: Bool { order.inFlight > 0 || !waiting.isEmpty }

    /// Begins as many of the waiting lines as may begin; then goes on reading, or closes.
    func process(_ context: ChannelHandlerContext) {
        // A reply written below may make the channel unwritable and call back in here.
        if isProcessing { return }
        isProcessing = true
        while canBegin, let line = waiting.popFirst() { begin(line, context) }
        isProcessing = false
        if !isReading { sendSoon() }
        if input == .closing {
            if order.inFlight == 0 && waiting.isEmpty { finish(context) }
        } else if isReadHeld && waiting.isEmpty && canBegin {
            isReadHeld = false
            context.read()
        }
    }

    private func begin(_ line: Line, _ context: ChannelHandlerContext) {
        statistics.requestsBegan(1)
        guard case .text(let text) = line else {
            let message = "the line is longer than \(configuration.maximumRequestBytes) bytes"
            return refuse(ProxyError(.requestTooLarge, message), id: nil, context)
        }
        let began = NIODeadline.now()
        switch text.withUnsafeReadableBytes({ recall($0, since: began, into: &output) }) {
        case .answered: return flushIfMuch(context)
        case .known(let line, let id): if begin(again: line, id: id, since: began, context) { return }
        case .unknown: break
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
            begin(proxyRequest, line: text, id: request.id, since: began, context)
        }
    }

    private func begin(
        _ request: ProxyRequest,
        line: ByteBuffer,
        id: String?,
        since began: NIODeadline,
        _ context: ChannelHandlerContext
    ) {
        switch handler.begin(request) {
        case .answer(let response, let lookup):
            if let lookup { remember(line, id: id, lookup) }
            answer(response, id: id, context)
        case .pending(let read):
            if let lookup = handler.redisLookup(for: read) {
                return ask(lookup, for: .read(read, line), id: id, since: began, context)
            }
            run(read, after: nil, at: order.begin(isOrdered: id == nil), id: id, context)
        case .other:
            run(request, at: order.begin(isOrdered: id == nil), id: id, context)
        }
    }

    /// Only if the `id` that was read is the one that ``LineKey`` sees; otherwise it would be remembered as a part of the line.
    func remember(_ line: ByteBuffer, id: String?, _ lookup: ReadyLookup) {
        line.withUnsafeReadableBytes { bytes in
            let key = LineKey(bytes)
            guard key.id.elementsEqual((id ?? "").utf8) else { return }
            loop.lines.remember(key, lookup)
        }
    }

    private func refuse(_ error: ProxyError, id: String?, _ context: ChannelHandlerContext) {
        handler.refused(error)
        answer(.failure(error), id: id, context)
    }

    /// Answers a request that needed no waiting.
    func answer(_ response: Response, id: String?, _ context: ChannelHandlerContext) {
        if id != nil || order.isOrderedQueueEmpty {
            write(Reply(id: id, response: response), context)
        } else {
            let place = order.begin(isOrdered: true)
            complete(place, Reply(id: id, response: response), context)
        }
    }

    func run(_ request: ProxyRequest, at place: Place, id: String?, _ context: ChannelHandlerContext) {
        let (handler, eventLoop, isStats) = (handler, context.eventLoop, request == .stats)
        run(at: place, id: id, isStats: isStats, context) { await handler.response(to: request, on: eventLoop) }
    }

    func run(
        at place: Place,
        id: String?,
        isStats: Bool = false,
        _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable () async -> Response
    ) {
        let number = nextPending()
        let complete = completion(of: number, place, id: id, isStats: isStats, context)
        pending[number] = .task(Task(executorPreference: loop.executor) { complete(await body()) })
    }

    /// What is to be called, on any thread, with the answer to a request that has to wait.
    func completion(
        of number: Int,
        _ place: Place,
        id: String?,
        isStats: Bool = false,
        _ context: ChannelHandlerContext
    ) -> @Sendable (Response) -> Void {
        let eventLoop = context.eventLoop
        let here = NIOLoopBound((self, context), eventLoop: eventLoop)
        return { response in
            let reply = Reply(id: id, response: response)
            // Where it comes from the event loop, as it does as a rule, that is here and now.
            if eventLoop.inEventLoop {
                here.value.0.completed(number, place, isStats: isStats, reply, here.value.1)
            } else {
                eventLoop.execute { here.value.0.completed(number, place, isStats: isStats, reply, here.value.1) }
            }
        }
    }

    /// A number for a request that has to wait.
    func nextPending() -> Int {
        let number = nextNumber
        nextNumber += 1
        pending[number] = .beginning
        return number
    }

    private func completed(
        _ number: Int,
        _ place: Place,
        isStats: Bool,
        _ reply: Reply,
        _ context: ChannelHandlerContext
    ) {
        pending[number] = nil
        var reply = reply
        if isStats, case .members(var members) = reply.response {
            statistics.write(into: &members, limit: configuration.maximumConnections)
            reply = Reply(id: reply.id, response: .members(members))
        }
        completed(place, reply, context)
    }

    /// A request that had to wait has its answer.
    func completed(_ place: Place, _ reply: Reply, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        lastActivity = .now()
        // A write that fills the channel calls back in here, and must not find the answer half written.
        isProcessing = true
        complete(place, reply, context)
        isProcessing = false
        process(context)
    }

    /// Writes a reply when it is its turn, and those that waited for it.
    private func complete(_ place: Place, _ reply: Reply, _ context: ChannelHandlerContext) {
        guard let ready = order.complete(place, with: reply) else { return }
        write(ready, context)
        while let next = order.next() { write(next, context) }
    }
}
