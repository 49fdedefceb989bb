import JSONText
import NIOCore
import NIOPosix
import Testing

/// A page of a proxy's HTTP server, read over a connection of its own.
struct AdminPage {
    let status: Int
    let body: String

    var json: JSONValue {
        get throws { try JSONValue(parsing: body) }
    }

    static func get(_ path: String, port: Int) async throws -> AdminPage {
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await client.executeThenClose { inbound, outbound in
            let request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await part in inbound { answer.writeImmutableBuffer(part) }
            let text = String(buffer: answer)
            let head = try #require(text.firstRange(of: "\r\n\r\n"))
            let status = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
            #expect(text[..<head.lowerBound].lowercased().contains("content-length"), "only whole bodies are read here")
            return AdminPage(status: status, body: String(text[head.upperBound...]))
        }
    }
}
