internal import NIOCore
internal import QueryCache
internal import QueryProxy

// Requests that memory has no answer to: Redis is asked without a task, and a task begins where that brings none.
extension LineHandler {
    /// What is known of a request for which Redis is asked.
    enum Asker {
        /// It was read. Elsewhere in memory, so that the other case, which is the frequent one, is no larger than it has to be.
        indirect case read(PendingRead, ByteBuffer)
        /// It was answered before, and not read this time.
        case known(RecalledLine<ReadyLookup>)

        var lookup: ReadyLookup {
            switch self {
            case .read(let read, _): read.ready
            case .known(let line): line.lookup
            }
        }

        /// Without its `id` where it was not read.
        var line: ByteBuffer {
            switch self {
            case .read(_, let line): line
            case .known(let line): line.text
            }
        }
    }

    /// Asks Redis, and answers or goes on when that has replied.
    ///
    /// - Parameter id: as it is to be echoed.
    func ask(
        _ lookup: RedisLookup,
        for asker: Asker,
        id: String?,
        since began: NIODeadline,
        _ context: ChannelHandlerContext
    ) {
        let place = order.begin(isOrdered: id == nil)
        let here = NIOLoopBound((self, asker, context), eventLoop: context.eventLoop)
        lookup.ask(on: context.eventLoop) { result in
            let (this, asker, context) = here.value
            guard context.channel.isActive else { return }
            let said = try? result.get()
            if let said, let response = this.handler.answer(to: lookup, asker.lookup, said, since: began) {
                this.answered(asker, response, at: place, id: id, since: began, context)
            } else {
                this.goOn(asker, after: (lookup, said), at: place, id: id, context)
            }
        }
    }

    private func answered(
        _ asker: Asker,
        _ response: Response,
        at place: Place,
        id: String?,
        since began: NIODeadline,
        _ context: ChannelHandlerContext
    ) {
        if case .read(let read, let line) = asker, read.isWorthRemembering { remember(line, id: id, read.ready) }
        if handler.isSlow(since: began), let request = request(of: asker) {
            handler.noteIfSlow(request, response, since: began)
        }
        completed(place, Reply(id: id, response: response), context)
    }

    private func goOn(
        _ asker: Asker,
        after asked: (RedisLookup, SharedRead?),
        at place: Place,
        id: String?,
        _ context: ChannelHandlerContext
    ) {
        if case .read(let read, _) = asker { return run(read, after: asked, at: place, id: id, context) }
        guard let request = request(of: asker) else {
            let response = Response.failure(ProxyError(.internal, "a line that was answered before cannot be read"))
            return completed(place, Reply(id: id, response: response), context)
        }
        switch handler.begin(request) {
        case .answer(let response, _): completed(place, Reply(id: id, response: response), context)
        case .pending(let read): run(read, after: asked, at: place, id: id, context)
        case .other: run(request, at: place, id: id, context)
        }
    }

    func run(
        _ read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        at place: Place,
        id: String?,
        _ context: ChannelHandlerContext
    ) {
        let (handler, executor) = (handler, loop.executor)
        let number = nextPending()
        let complete = completion(of: number, place, id: id, context)
        let wait = handler.fetch(read, after: asked, on: executor) { complete($0) }
        if let wait {
            // It may have been answered by now.
            if pending[number] != nil { pending[number] = .wait(wait) }
            return
        }
        pending[number] = nil
        run(at: place, id: id, context) { await handler.response(to: read, after: asked, on: executor) }
    }

    private func request(of asker: Asker) -> ProxyRequest? {
        guard let request = try? LineRequest(line: asker.line), case .proxy(let request) = request.operation else {
            return nil
        }
        return request
    }
}
