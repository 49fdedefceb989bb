public import NIOCore
public import NIOPosix

/// One connection to a Cistern server: a line out, a line back.
///
/// Requests may be sent without waiting for the answers of earlier ones; without an `id` they are answered in order, which
/// is how answers are told apart here, so lines sent over this connection must have none.
public final class CisternConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ResponseHandler>

    private init(channel: any Channel, handler: NIOLoopBound<ResponseHandler>) {
        self.channel = channel
        self.handler = handler
    }

    /// - Parameter timeout: for the connection to be made.
    /// - Throws: what the system says where nobody listens.
    public static func connect(
        host: String,
        port: Int,
        timeout: TimeAmount = .seconds(5),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> CisternConnection {
        try await ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: port)
            .flatMapThrowing { channel in
                let handler = ResponseHandler()
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(ByteToMessageHandler(ResponseLineDecoder()))
                try pipeline.addHandler(handler)
                return CisternConnection(
                    channel: channel,
                    handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
                )
            }.get()
    }

    /// Sends one line (without its end) and returns the line that answers it.
    ///
    /// - Throws: ``CisternConnectionError`` when the connection ends first.
    public func send(_ line: ByteBuffer) async throws -> ByteBuffer {
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let handler = self.handler
        channel.eventLoop.execute { handler.value.send(line, promise) }
        return try await promise.futureResult.get()
    }

    public func send(_ line: String) async throws -> String {
        String(buffer: try await send(ByteBuffer(string: line)))
    }

    /// Ends the connection; answers that have not come fail.
    public func close() async {
        try? await channel.close().get()
    }
}

/// The connection ended before the answer came.
public struct CisternConnectionError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Hands each line to the oldest request that waits.
final class ResponseHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var waiting = CircularBuffer<EventLoopPromise<ByteBuffer>>()
    private var context: ChannelHandlerContext?
    private var end: (any Error)?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func send(_ line: ByteBuffer, _ promise: EventLoopPromise<ByteBuffer>) {
        guard let context, end == nil else {
            return promise.fail(end ?? CisternConnectionError(description: "the connection is closed"))
        }
        waiting.append(promise)
        var line = line
        line.writeStaticString("\n")
        context.writeAndFlush(wrapOutboundOut(line), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let line = unwrapInboundIn(data)
        if let promise = waiting.popFirst() { return promise.succeed(line) }
        // Said without being asked, just before it hangs up (too many connections).
        end = CisternConnectionError(description: String(buffer: line))
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(CisternConnectionError(description: "the server closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func fail(_ error: any Error) {
        let reason = end ?? error
        end = reason
        let promises = waiting
        waiting.removeAll()
        for promise in promises { promise.fail(reason) }
    }
}

struct ResponseLineDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    /// Bytes that are known to hold no line end.
    private var searched = 0

    mutating func decode(buffer: inout ByteBuffer) -> ByteBuffer? {
        let start = searched
        let found = buffer.withUnsafeReadableBytes { $0[min(start, $0.count)...].firstIndex(of: UInt8(ascii: "\n")) }
        guard let found, let line = buffer.readSlice(length: found) else {
            searched = buffer.readableBytes
            return nil
        }
        buffer.moveReaderIndex(forwardBy: 1)
        searched = 0
        return line
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) -> ByteBuffer? {
        decode(buffer: &buffer)
    }
}
