internal import ArgumentParser
internal import JSONText
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Asks the HTTP port of a proxy: one GET a connection.
struct AdminClient: Sendable {
    private static let timeout = TimeAmount.seconds(10)
    /// Bytes of an answer.
    private static let limit = 16 << 20

    let address: ServerAddress

    /// - Returns: the body of an answer with status 200.
    /// - Throws: what went wrong, in words.
    func get(_ path: String) async throws(CommandFailure) -> String {
        let (status, body): (UInt, String)
        do {
            (status, body) = try await exchange(path)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            let option = "--http host:port, or the variable CISTERN_HTTP_ADDRESS (the key listen.http of the proxy)"
            throw CommandFailure(ConnectFailure.message(error, at: address, option: option), .unavailable)
        }
        guard status == 200 else {
            throw CommandFailure("http://\(address)\(path) answered with status \(status): \(body.prefix(300))")
        }
        return body
    }

    func json(_ path: String) async throws(CommandFailure) -> (text: String, value: JSONValue) {
        let text = try await get(path)
        guard let value = try? JSONValue(parsing: text) else {
            throw CommandFailure("http://\(address)\(path) answered what is not JSON", .protocolError)
        }
        return (text, value)
    }

    private func exchange(_ path: String) async throws -> (UInt, String) {
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: (UInt, String).self)
        let host = "\(address)"
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        ResponseCollector(host: host, path: path, limit: Self.limit, promise: promise)
                    )
                }
            }
        do {
            let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
            let timeout = channel.eventLoop.scheduleTask(in: Self.timeout) {
                promise.fail(CommandFailure("http://\(host) did not answer within 10 s", .unavailable))
                channel.close(promise: nil)
            }
            defer { timeout.cancel() }
            return try await promise.futureResult.get()
        } catch {
            promise.fail(error)
            throw error
        }
    }
}

/// Sends the request when the connection is made, and takes the response together.
private final class ResponseCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let host: String
    private let path: String
    private let limit: Int
    private let promise: EventLoopPromise<(UInt, String)>
    private var status: UInt = 0
    private var body = ByteBuffer()

    init(host: String, path: String, limit: Int, promise: EventLoopPromise<(UInt, String)>) {
        self.host = host
        self.path = path
        self.limit = limit
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers: HTTPHeaders = ["Host": host, "Connection": "close", "Accept": "application/json"]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status.code
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= limit else {
                promise.fail(CommandFailure("the answer is larger than \(limit) bytes", .protocolError))
                return context.close(promise: nil)
            }
            body.writeBuffer(&part)
        case .end:
            promise.succeed((status, String(buffer: body)))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(CommandFailure("\(host) closed the connection before its answer was whole", .unavailable))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(CommandFailure("\(host) does not speak HTTP: \(error)", .protocolError))
        context.close(promise: nil)
    }
}

/// Where the HTTP port of a proxy is.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The proxy's HTTP address.",
            discussion: "Without it CISTERN_HTTP_ADDRESS is taken, then 127.0.0.1:7480.",
            valueName: "host:port"
        )
    )
    var http: ServerAddress?

    func client(environment: [String: String]) throws(CommandFailure) -> AdminClient {
        AdminClient(
            address: try .chosen(
                option: http,
                variable: "CISTERN_HTTP_ADDRESS",
                environment: environment,
                default: .defaultHTTP
            )
        )
    }
}
