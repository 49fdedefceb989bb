import NIOCore

/// Raises versions over one connection, of one random row after the other, with pauses in between.
final class WriterHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Write {
        var row: Int
        var version: Int
        var process: History.Process
    }

    private let load: Load
    private let proxy: Int
    private var random: SplitMix64
    private var received = ByteBuffer()
    private var write: Write?

    init(load: Load, proxy: Int, random: SplitMix64) {
        self.load = load
        self.proxy = proxy
        self.random = random
    }

    func channelActive(context: ChannelHandlerContext) {
        pause(context)
    }

    private func pause(_ context: ChannelHandlerContext) {
        let mean = Double(load.intensity.writers) / load.intensity.writes
        let seconds = Double.random(in: 0..<2 * mean, using: &random)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) {
            let (handler, context) = bound.value
            handler.next(context)
        }
    }

    private func next(_ context: ChannelHandlerContext) {
        guard !load.isOver else { return context.close(promise: nil) }
        guard context.channel.isActive else { return }
        guard load.isWriting, let row = load.takeRow(&random) else { return pause(context) }
        let version = load.history.attempt(row)
        write = Write(row: row, version: version, process: load.process(of: proxy))
        var line = context.channel.allocator.buffer(capacity: 256)
        line.writeString(load.layout.write(row, version: version))
        line.writeStaticString("\n")
        context.writeAndFlush(wrapOutboundOut(line), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        guard received.readableBytesView.last == UInt8(ascii: "\n"), let write else { return }
        let reply = Reply(received)
        received.clear()
        self.write = nil
        if reply.isOK {
            load.tally.writes += 1
            if !reply.isComplete { load.tally.incompleteWrites += 1 }
            if reply.rowCount != 1 { load.tally.ineffectiveWrites += 1 }
            load.history.answered(
                write.row,
                History.Answer(
                    version: write.version,
                    at: load.now,
                    process: write.process,
                    isComplete: reply.isComplete
                )
            )
        } else {
            load.tally.failedWrites[reply.code ?? "?", default: 0] += 1
        }
        load.giveBack(write.row)
        pause(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard let write else { return }
        if !load.isOver { load.tally.lostWrites += 1 }
        load.giveBack(write.row)
        self.write = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
