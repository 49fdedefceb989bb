internal import NIOCore
internal import QueryProxy

extension LineHandler {
    func write(_ reply: Reply, _ context: ChannelHandlerContext) {
        if output.readableBytes == 0 { output = loop.takeBuffer() }
        if let body = reply.response.body, body.readableBytes > ByteBuffer.largestCopiedBody {
            output.writeReplyStart(id: reply.id)
            reply.response.writeHead(into: &output)
            writeOutput(context)
            context.write(wrapOutboundOut(body), promise: nil)
            output = loop.takeBuffer()
            output.writeReplyEnd()
        } else {
            output.writeReply(reply.response, id: reply.id)
        }
        flushIfMuch(context)
    }

    /// What has piled up goes to the channel, so that its writability tells the truth about a client that does not read.
    func flushIfMuch(_ context: ChannelHandlerContext) {
        if output.readableBytes > ByteBuffer.largestCopiedBody { flush(context) }
    }

    func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        let written = writeOutput(context)
        context.flush()
        loop.giveBack(written)
    }

    /// Hands what was written to the channel, and returns it: its memory may be used again when the channel is done with it.
    @discardableResult
    private func writeOutput(_ context: ChannelHandlerContext) -> ByteBuffer {
        var written = ByteBuffer()
        swap(&written, &output)
        context.write(wrapOutboundOut(written), promise: nil)
        return written
    }

    func finish(_ context: ChannelHandlerContext) {
        if isFinished { return }
        isFinished = true
        flush(context)
        // Closing drops what the socket has not taken yet, so it waits for the last byte.
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    func scheduleProbe(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.probeDelay) {
            let context = bound.value
            guard context.channel.isActive, this.value.order.inFlight > 0 else { return }
            context.writeAndFlush(this.value.wrapOutboundOut(ByteBuffer(string: " ")), promise: nil)
            this.value.scheduleProbe(context)
        }
    }

    // MARK: Idleness

    /// Closes the connection when nothing has been read or written on it for the configured time and nothing is under way.
    func watchIdleness(_ context: ChannelHandlerContext) {
        guard let timeout = configuration.idleTimeout else { return }
        scheduleIdleTimer(at: .now() + timeout, timeout, context)
    }

    private func scheduleIdleTimer(at deadline: NIODeadline, _ timeout: TimeAmount, _ context: ChannelHandlerContext) {
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        idleTimer = context.eventLoop.scheduleTask(deadline: deadline) {
            this.value.idleTimerFired(timeout, bound.value)
        }
    }

    private func idleTimerFired(_ timeout: TimeAmount, _ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        let isBusy = order.inFlight > 0 || !waiting.isEmpty || !context.channel.isWritable
        if isBusy || now < lastActivity + timeout {
            scheduleIdleTimer(at: (isBusy ? now : lastActivity) + timeout, timeout, context)
        } else {
            context.close(promise: nil)
        }
    }
}
