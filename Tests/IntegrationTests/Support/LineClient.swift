import JSONText
import NIOCore
import NIOPosix
import ProcessSupport

/// A client of the line protocol that can also send half lines, stop reading, and hang up.
///
/// Every wait is bounded; what is not answered in time throws ``Silence`` with the line that was sent.
final class LineClient: Sendable {
    struct Silence: Error, CustomStringConvertible {
        let description: String
    }

    private let channel: any Channel
    private let handler: NIOLoopBound<LineCollector>

    private init(_ channel: any Channel, _ handler: NIOLoopBound<LineCollector>) {
        self.channel = channel
        self.handler = handler
    }

    static func connect(port: Int) async throws -> LineClient {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Before it connects: a server that refuses a client speaks at once.
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LineCollector())
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .flatMapThrowing { channel in
                let handler = try channel.pipeline.syncOperations.handler(type: LineCollector.self)
                return LineClient(channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
            }.get()
    }

    /// Sends a line and returns the line that answers it, which must be the next one.
    func exchange(_ line: String, within limit: TimeAmount = .seconds(20)) async throws -> String {
        try await next(after: ByteBuffer(string: line + "\n"), within: limit)
    }

    /// The next line that comes.
    func nextLine(within limit: TimeAmount = .seconds(20)) async throws -> String {
        try await next(after: nil, within: limit)
    }

    private func next(after bytes: ByteBuffer?, within limit: TimeAmount) async throws -> String {
        let promise = channel.eventLoop.makePromise(of: String.self)
        let handler = self.handler
        let channel = self.channel
        channel.eventLoop.execute {
            handler.value.waiters.append(promise)
            if let bytes { channel.writeAndFlush(bytes, promise: nil) }
            handler.value.serve()
            let timeout = channel.eventLoop.scheduleTask(in: limit) {
                let line = bytes.map { String(buffer: $0).prefix(500) } ?? "a line of somebody's"
                promise.fail(Silence(description: "no answer within \(limit.nanoseconds / 1_000_000) ms to \(line)"))
            }
            promise.futureResult.whenComplete { _ in timeout.cancel() }
        }
        return try await promise.futureResult.get()
    }

    func ask(_ line: String, within limit: TimeAmount = .seconds(20)) async throws -> Answer {
        try Answer(await exchange(line, within: limit))
    }

    /// A statement, with further members of the request as JSON text: `"params":[1]`.
    func query(_ sql: String, _ members: String...) async throws -> Answer {
        try await ask(Self.request(sql, members))
    }

    static func request(_ sql: String, _ members: [String] = []) -> String {
        "{" + (["\"sql\":\(JSONValue.string(sql).jsonText)"] + members).joined(separator: ",") + "}"
    }

    func stats() async throws -> JSONValue {
        try JSONValue(parsing: await exchange("STATS"))
    }

    /// Sends bytes as they are, and waits until they are on their way.
    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Sends bytes as they are, and waits for nothing.
    func sendWithoutWaiting(_ text: String) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    func stopReading() async throws {
        try await channel.setOption(.autoRead, value: false).get()
    }

    func close() async {
        try? await channel.close().get()
    }

    /// Whether the other end hung up in time.
    func isClosed(within limit: Duration = .seconds(5)) async throws -> Bool {
        try await eventually(within: limit) { !channel.isActive }
    }
}

/// Takes lines apart, and hands each to the oldest who waits.
private final class LineCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var waiters = CircularBuffer<EventLoopPromise<String>>()
    private var lines = CircularBuffer<String>()
    private var rest = ByteBuffer()
    private var isEnded = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        // Only what is new can hold the end of a line, so a long one is not searched again and again.
        while let length = bytes.readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({ $0 - bytes.readerIndex }) {
            if var slice = bytes.readSlice(length: length + 1) { rest.writeBuffer(&slice) }
            lines.append(String(buffer: rest.getSlice(at: rest.readerIndex, length: rest.readableBytes - 1) ?? rest))
            rest.clear()
        }
        rest.writeBuffer(&bytes)
        serve()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isEnded = true
        serve()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func serve() {
        while let line = lines.first, let waiter = waiters.popFirst() {
            lines.removeFirst()
            waiter.succeed(line)
        }
        guard isEnded else { return }
        while let waiter = waiters.popFirst() {
            waiter.fail(LineClient.Silence(description: "the server closed the connection"))
        }
    }
}

/// One answer of the line protocol.
struct Answer: Sendable, CustomStringConvertible {
    let text: String
    let json: JSONValue

    init(_ text: String) throws {
        self.text = text
        self.json = try JSONValue(parsing: text)
    }

    var description: String { String(text.prefix(2000)) }
    var isOK: Bool { json["ok"]?.bool == true }
    /// Where the answer came from, with the reason of a bypass behind a space.
    var origin: String { [cache, reason].compactMap { $0 }.joined(separator: " ") }
    var cache: String? { json["cache"]?.string }
    var reason: String? { json["reason"]?.string }
    /// As JSON without spaces.
    var rows: String { json["rows"]?.jsonText ?? "no rows: \(text.prefix(500))" }
    var error: JSONValue? { json["error"] }
    var code: String? { error?["code"]?.string }
    var message: String { error?["message"]?.string ?? "" }
    var sqlState: String? { error?["sqlstate"]?.string }
    var age: Int? { json["age_ms"]?.int }
    var remaining: Int? { json["ttl_ms"]?.int }
    var invalidated: [String] { json["invalidated"]?["tables"]?.array?.compactMap(\.string) ?? [] }
    var isComplete: Bool? { json["invalidated"]?["complete"]?.bool }
}
