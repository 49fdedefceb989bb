import NIOCore

/// Reads one row after the other over one connection.
final class ReaderHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let load: Load
    private let proxy: Int
    private var random: SplitMix64
    private var received = ByteBuffer()
    private var read: History.Read?

    init(load: Load, proxy: Int, random: SplitMix64) {
        self.load = load
        self.proxy = proxy
        self.random = random
    }

    func channelActive(context: ChannelHandlerContext) {
        next(context)
    }

    private func next(_ context: ChannelHandlerContext) {
        guard !load.isOver else { return context.close(promise: nil) }
        let row = load.layout.row(at: load.now, &random)
        let isSlow = load.layout.isReadSlowlyToo(row) && Bool.random(using: &random)
        // While nobody writes, strict reads would make good what a proxy did not hear: they put what they find into memory.
        let isStrict = load.isWriting && Double.random(in: 0..<1, using: &random) < load.intensity.strict
        var line = context.channel.allocator.buffer(capacity: 256)
        line.writeString(load.layout.read(row, slowly: isSlow, isStrict ? .strict : .bounded))
        line.writeStaticString("\n")
        read = History.Read(
            row: row,
            process: load.process(of: proxy),
            isStrict: isStrict,
            began: load.now,
            version: nil
        )
        context.writeAndFlush(wrapOutboundOut(line), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        guard received.readableBytesView.last == UInt8(ascii: "\n"), var read else { return }
        let reply = Reply(received)
        received.clear()
        self.read = nil
        if reply.isOK {
            read.version = reply.version
            load.judge(read, reply)
            next(context)
        } else {
            load.tally.failedReads[reply.code ?? "?", default: 0] += 1
            // What cannot be answered now will not be in the next microsecond either.
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(5)) {
                let (handler, context) = bound.value
                handler.next(context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if read != nil, !load.isOver { load.tally.lostReads += 1 }
        read = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
