internal import NIOCore
internal import QueryCache
internal import QueryProxy

// Requests that memory has no answer to: Redis is asked without a task, and a task begins where that brings none.
extension LineHandler {
    /// Waits for what Redis says of a read.
    ///
    /// - Parameters:
    ///   - read: nil where the line was not read, since it was answered before.
    ///   - id: as it is to be echoed.
    func wait(
        for question: SharedQuestion,
        _ lookup: ReadyLookup,
        _ read: PendingRead?,
        line: ByteBuffer,
        id: String?,
        since began: NIODeadline,
        _ context: ChannelHandlerContext
    ) {
        let place = order.begin(isOrdered: id == nil)
        question.reply.assumeIsolated().whenComplete { result in
            guard context.channel.isActive else { return }
            let said = try? result.get()
            guard let said, let response = self.handler.answer(to: question, lookup, said, since: began) else {
                return self.goOn(read, after: (question, said), line, at: place, id: id, context)
            }
            if let read, read.isWorthRemembering { self.remember(line, id: id, lookup) }
            if self.handler.isSlow(since: began) { self.noteSlow(line, response, since: began) }
            self.completed(place, Reply(id: id, response: response), context)
        }
    }

    private func goOn(
        _ read: PendingRead?,
        after question: (SharedQuestion, SharedRead?),
        _ line: ByteBuffer,
        at place: Place,
        id: String?,
        _ context: ChannelHandlerContext
    ) {
        if let read { return run(read, after: question, at: place, id: id, context) }
        // It could be read before, so it can be read now.
        guard let request = try? LineRequest(line: line), case .proxy(let request) = request.operation else {
            let response = Response.failure(ProxyError(.internal, "a line was read in two ways"))
            return completed(place, Reply(id: id, response: response), context)
        }
        switch handler.begin(request) {
        case .answer(let response, _): completed(place, Reply(id: id, response: response), context)
        case .pending(let read): run(read, after: question, at: place, id: id, context)
        case .other: run(request, at: place, id: id, context)
        }
    }

    func run(
        _ read: PendingRead,
        after question: (SharedQuestion, SharedRead?)?,
        at place: Place,
        id: String?,
        _ context: ChannelHandlerContext
    ) {
        let (handler, executor) = (handler, loop.executor)
        run(at: place, id: id, context) { await handler.response(to: read, after: question, on: executor) }
    }

    private func noteSlow(_ line: ByteBuffer, _ response: Response, since began: NIODeadline) {
        guard let request = try? LineRequest(line: line), case .proxy(let request) = request.operation else { return }
        handler.noteIfSlow(request, response, since: began)
    }
}
