import NIOCore
import NIOPosix
import ProcessSupport
import RedisClient
import Testing

@Suite(.enabled(if: RedisFixture.url != nil), .timeLimit(.minutes(1))) struct RedisOutageTests {
    @Test func aServerThatIsStartedAgainIsUsedWithinTwoSeconds() async throws {
        try await OwnRedisServer.withServer { server in
            let observer = RecordingObserver()
            let client = RedisFixture.client(try RedisConfiguration(url: server.url), observer: observer)
            try await RedisFixture.running(client) { client in
                var announcements = observer.announcements.makeAsyncIterator()
                let first = try #require(client.identity)
                while let announcement = await announcements.next(), announcement != .available(first) {}
                var last = first
                for _ in 0..<2 {
                    await server.stop()
                    let isGone = try await eventually(within: .seconds(2)) { !client.isAvailable }
                    #expect(isGone)
                    await #expect { try await client.send(RedisCommand("PING")) } throws: { error in
                        (error as? RedisError)?.code == .unavailable
                    }
                    // Away for so many attempts of each connection that the longest wait between two has been reached.
                    let connections = Array(MultiThreadedEventLoopGroup.singleton.makeIterator()).count
                    try await server.refuse(attempts: 6 * connections)
                    try await server.start()
                    let isBack = try await eventually(within: .seconds(2)) { client.isAvailable }
                    #expect(isBack)
                    // A handshake that ended just before the server did may have been announced in between.
                    var next: RedisServerIdentity?
                    while next == nil, let announcement = await announcements.next() {
                        if case .available(let identity) = announcement, identity.runID != last.runID {
                            next = identity
                        }
                    }
                    last = try #require(next)
                    #expect(try await client.send(RedisCommand("PING")).string == "PONG")
                }
            }
        }
    }

    @Test func aServerThatHangsCostsOneTimeOutAndNotOnePerCommand() async throws {
        try await OwnRedisServer.withServer { server in
            let configuration = try RedisFixture.configuration(url: server.url) { configuration in
                configuration.socketTimeout = .milliseconds(200)
                configuration.connectTimeout = .milliseconds(400)
            }
            let observer = RecordingObserver()
            try await RedisFixture.running(RedisFixture.client(configuration, observer: observer)) {
                client async throws in
                await server.suspend()
                await #expect { try await client.send(RedisCommand("PING")) } throws: { error in
                    (error as? RedisError)?.code == .timeout
                }
                #expect(!client.isAvailable)
                // While it hangs no connection can be made to it, so nothing is tried: a thousand time-outs would be 200
                // seconds.
                for _ in 0..<1_000 {
                    await #expect { try await client.send(RedisCommand("PING")) } throws: { error in
                        (error as? RedisError)?.code == .unavailable
                    }
                }
                #expect(!client.isAvailable)
                await server.resume()
                #expect(try await eventually(within: .seconds(5)) { client.isAvailable })
                #expect(try await client.send(RedisCommand("PING")).string == "PONG")
            }
        }
    }

    @Test func killedConnectionsAreMadeAgain() async throws {
        try await OwnRedisServer.withServer { server in
            try await RedisFixture.withClient(url: server.url) { client in
                for _ in 0..<3 {
                    // Kills the connection that it is sent on too: whether its answer comes is not known.
                    _ = try? await client.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
                    let isBack = try await eventually(within: .seconds(2)) {
                        (try? await client.send(RedisCommand("PING")))?.string == "PONG"
                    }
                    #expect(isBack)
                }
            }
        }
    }

    @Test func aServerThatIsTooOldIsRefused() async throws {
        try await FakeRedisServer.withServer(answering: FakeRedisServer.answers(version: "6.2.14")) { url in
            let client = RedisFixture.client(try RedisConfiguration(url: url))
            try await RedisFixture.running(client, isAwaited: false) { client in
                await #expect { try await client.firstConnection() } throws: { error in
                    (error as? RedisError)?.code == .unsupportedServer
                }
                #expect(!client.isAvailable)
            }
        }
        try await FakeRedisServer.withServer(answering: FakeRedisServer.answers(version: "7.0.0")) { url in
            try await RedisFixture.withClient(url: url) { client in
                #expect(client.identity?.version == "7.0.0")
            }
        }
    }

    @Test func aServerThatAnswersNonsenseIsNotUsed() async throws {
        for nonsense in ["HTTP/1.1 400 Bad Request\r\n\r\n", "$99999999999\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n", ""] {
            let observer = RecordingObserver()
            try await FakeRedisServer.withServer(answering: { _ in nonsense }) { url in
                let configuration = try RedisFixture.configuration(url: url) { configuration in
                    configuration.connectTimeout = .milliseconds(300)
                }
                let client = RedisFixture.client(configuration, observer: observer)
                try await RedisFixture.running(client, isAwaited: false) { client in
                    var announcements = observer.announcements.makeAsyncIterator()
                    guard case .unavailable = await announcements.next() else {
                        Issue.record("it was used")
                        return
                    }
                    #expect(!client.isAvailable)
                }
            }
        }
    }
}
