internal import NIOCore
internal import QueryProxy

extension LineHandler {
    func write(_ reply: Reply, _ context: ChannelHandlerContext) {
        if output.capacity == 0 { output = loop.takeBuffer() }
        if let body = reply.response.body, body.readableBytes > ByteBuffer.largestCopiedBody {
            output.writeReplyStart(id: reply.id)
            reply.response.writeHead(into: &output)
            write(takeOutput(), context)
            write(body, context)
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

    /// Sends what was written when the event loop has read everything that is ready.
    func sendSoon() {
        if isSendingSoon || output.readableBytes == 0 { return }
        isSendingSoon = true
        loop.sendSoon(self)
    }

    func sendNow() {
        isSendingSoon = false
        if let context { flush(context) }
    }

    /// Sends what was written, straight to the socket if nothing is before it. What the socket does not take, the channel
    /// gets, which waits for room.
    func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        if channelWrites == 0, let socket, context.channel.isActive {
            output.moveReaderIndex(forwardBy: socket.send(output))
            if output.readableBytes == 0 { return loop.giveBack(takeOutput()) }
        }
        // Out of the way first: the flush may tell that there is room, and the next answer is written while it goes on.
        let written = takeOutput()
        write(written, context)
        context.flush()
        loop.giveBack(written)
    }

    private func takeOutput() -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &output)
        return taken
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        channelWrites += 1
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in this.value.channelWrites -= 1 }
        context.write(wrapOutboundOut(buffer), promise: written)
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
            this.value.write(ByteBuffer(string: " "), context)
            context.flush()
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
