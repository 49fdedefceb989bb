import JSONText
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import AdminHTTP

/// The pages over a socket.
@Suite(.timeLimit(.minutes(1))) struct AdminServerTests {
    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Runs a server, and stops it when the body returns.
    private func serving(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        let (ports, told) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(
            host: "127.0.0.1",
            port: 0,
            routes: AdminFixture().routes,
            logger: Self.logger
        ) { told.yield($0.port ?? 0) }
        let services = ServiceGroup(services: [server], logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            for await port in ports {
                try await body(port)
                break
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    /// What comes back for some bytes until the server closes.
    private func exchange(_ port: Int, _ request: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await var bytes in inbound { answer.writeBuffer(&bytes) }
            return String(buffer: answer)
        }
    }

    private func get(
        _ path: String,
        _ port: Int,
        method: String = "GET",
        host: String = "localhost"
    ) async throws
        -> String
    {
        try await exchange(port, "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
    }

    @Test func servesPages() async throws {
        try await serving { port in
            let metrics = try await get("/metrics?x=1", port)
            #expect(metrics.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(metrics.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(metrics.hasSuffix("cistern_x_total 1\n"))
            let head = try await get("/metrics", port, method: "HEAD")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
            #expect(try await get("/nowhere", port).hasPrefix("HTTP/1.1 404 "))
            #expect(try await get("/health", port, host: "evil.example").hasPrefix("HTTP/1.1 403 "))
            #expect(try await get("/health/postgres", port).hasPrefix("HTTP/1.1 503 "))
        }
    }

    @Test func aBodyThatIsTooLargeIsRefused() async throws {
        try await serving { port in
            let body = String(repeating: " ", count: 70_000)
            let answer = try await exchange(
                port,
                """
                POST /api/v1/invalidate HTTP/1.1\r
                Host: localhost\r
                Authorization: Bearer \(AdminFixture.token)\r
                Content-Length: \(body.count)\r
                Connection: close\r
                \r
                \(body)
                """
            )
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(answer.contains("request_too_large"))
        }
    }

    @Test func whatIsNoHTTPEndsOnlyItsConnection() async throws {
        try await serving { port async throws in
            _ = try? await exchange(port, "\u{0}\u{1}\u{2}garbage\r\n\r\n")
            #expect(try await get("/health", port).hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test func anAddressThatIsTakenIsSaid() async throws {
        try await serving { port in
            let second = AdminServer(
                host: "127.0.0.1",
                port: port,
                routes: AdminFixture().routes,
                logger: Self.logger
            )
            let error = await #expect(throws: AdminServerError.self) { try await second.run() }
            #expect(error?.description.contains("127.0.0.1:\(port): it is in use") == true)
        }
    }

    /// A scraper keeps its connection open; that must not hold up a stop.
    @Test func aConnectionThatIsKeptOpenDoesNotHoldUpAStop() async throws {
        let kept = try await withThrowingTaskGroup(of: (any Channel)?.self) { group in
            let (opened, told) = AsyncStream.makeStream(of: (any Channel).self)
            group.addTask {
                try await serving { port in
                    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(host: "127.0.0.1", port: port).get()
                    try await channel.writeAndFlush(
                        ByteBuffer(string: "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    )
                    told.yield(channel)
                }
                return nil
            }
            var channel: (any Channel)?
            for await opened in opened {
                channel = opened
                break
            }
            try await group.waitForAll()
            return channel
        }
        try await kept?.closeFuture.get()
    }
}
