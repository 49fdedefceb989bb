import NIOCore
import NIOPosix
import RedisClient

/// Accepts connections and answers each command by what the test says.
enum FakeRedisServer {
    typealias Answer = @Sendable (_ parts: [String]) -> String

    static func withServer<Result: Sendable>(
        answering answer: @escaping Answer,
        _ body: @Sendable (_ url: String) async throws -> Result
    ) async throws -> Result {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body("redis://127.0.0.1:\(channel.localAddress?.port ?? 0)")
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// What a server of that version says, which does not know HELLO.
    static func answers(version: String, runID: String = "run") -> Answer {
        { parts in
            switch (parts.first, parts.dropFirst().first) {
            case ("INFO", "server"): bulk("redis_version:\(version)\r\nrun_id:\(runID)\r\n")
            case ("INFO", _): bulk("role:master\r\n")
            case ("PING", _): "+PONG\r\n"
            case ("CLIENT", _), ("SELECT", _): "+OK\r\n"
            default: "-ERR unknown command\r\n"
            }
        }
    }

    private static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: Answer
        private let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder())

        init(_ answer: @escaping Answer) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            do {
                try processor.process(buffer: unwrapInboundIn(data)) { command in
                    let reply = answer((command.elements ?? []).compactMap(\.string))
                    context.write(wrapOutboundOut(ByteBuffer(string: reply)), promise: nil)
                }
                context.flush()
            } catch {
                context.close(promise: nil)
            }
        }
    }
}
