import NIOCore
import NIOPosix
import RedisClient
import Testing

@Suite(.enabled(if: RedisFixture.url != nil), .timeLimit(.minutes(1))) struct RedisServerTests {
    @Test func valuesComeBack() async throws {
        try await RedisFixture.withClient { client async throws in
            let key = unique("value")
            let value = ByteBuffer(bytes: Array(UInt8.min...UInt8.max))
            #expect(client.isAvailable)
            #expect(try await client.send(RedisCommand("GET", key)).isNull)
            #expect(try await client.send(RedisCommand("SET", [ByteBuffer(string: key), value])).string == "OK")
            #expect(try await client.send(RedisCommand("GET", key)).bytes == value)
            #expect(try await client.send(RedisCommand("DEL", key)) == .integer(1))
        }
    }

    @Test func aLargeValueComesBack() async throws {
        try await RedisFixture.withClient { client async throws in
            let key = unique("large")
            let value = ByteBuffer(repeating: UInt8(ascii: "x"), count: 5_000_000)
            let replies = try await client.send([
                RedisCommand("SET", [ByteBuffer(string: key), value]), RedisCommand("GET", key),
                RedisCommand("DEL", key),
            ])
            #expect(replies[1].bytes == value)
            #expect(replies[2] == .integer(1))
        }
    }

    @Test func whatTheServerRefusesIsAReplyOrAnError() async throws {
        try await RedisFixture.withClient { client async throws in
            let replies = try await client.send([RedisCommand("NOSUCHCOMMAND"), RedisCommand("PING")])
            #expect(replies[0].errorMessage?.hasPrefix("ERR unknown command") == true)
            #expect(replies[1].string == "PONG")
            await #expect { try await client.send(RedisCommand("NOSUCHCOMMAND")) } throws: { error in
                (error as? RedisError)?.code == .server
            }
            #expect(try await client.send([]).isEmpty)
        }
    }

    /// Every command carries a token of its own, in batches of different sizes, from both event loops at once.
    @Test func noneOfTenThousandCommandsIsCrossed() async throws {
        try await RedisFixture.withClient { client async throws in
            let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
            let crossed = try await withThrowingTaskGroup(of: Int.self) { group in
                var sent = 0
                while sent < 10_000 {
                    let tokens = (0..<(1 + sent % 7)).map { "token-\(sent + $0)" }
                    sent += tokens.count
                    let future = client.send(tokens.map { RedisCommand("ECHO", $0) }, on: loops[sent % loops.count])
                    group.addTask {
                        let replies = try await future.get().map(\.string)
                        return replies == tokens ? 0 : 1
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(crossed == 0)
        }
    }

    @Test func oneConnectionServesAllEventLoops() async throws {
        try await RedisFixture.withClient { configuration in
            configuration.maximumConnections = 1
            configuration.clientName = "one-connection"
        } _: { client async throws in
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
                #expect(try await client.send([RedisCommand("PING")], on: loop).get().first?.string == "PONG")
            }
            let clients = try await client.send(RedisCommand("CLIENT", "LIST")).string
            #expect(clients?.components(of: "name=one-connection") == 1)
        }
    }

    @Test(.enabled(if: RedisFixture.socket != nil)) func theUnixSocketIsSpokenTo() async throws {
        let socket = try #require(RedisFixture.socket)
        try await RedisFixture.withClient(url: "unix://\(socket)?db=2") { client async throws in
            #expect(try await client.send(RedisCommand("CLIENT", "INFO")).string?.contains(" db=2 ") == true)
        }
    }

    @Test func anotherDatabaseHoldsOtherKeys() async throws {
        let key = unique("database")
        try await RedisFixture.withClient { configuration in
            configuration.database = 7
        } _: { seven async throws in
            _ = try await seven.send(RedisCommand("SET", key, "seven"))
            try await RedisFixture.withClient { zero async throws in
                #expect(try await zero.send(RedisCommand("GET", key)).isNull)
            }
            #expect(try await seven.send(RedisCommand("GETDEL", key)).string == "seven")
        }
    }

    // MARK: Scripts

    @Test func aScriptIsSentOnceAndThenCalledByItsHash() async throws {
        try await RedisFixture.withClient { client async throws in
            let script = RedisScript("return {KEYS[1], ARGV[1], '\(unique("script"))'}")
            #expect(try await client.send(RedisCommand("SCRIPT", "EXISTS", script.hash)).elements == [.integer(0)])
            let first = try await client.evaluate(script, keys: ["k"], arguments: [ByteBuffer(string: "a")])
            #expect(first.elements?.prefix(2).map(\.string) == ["k", "a"])
            #expect(try await client.send(RedisCommand("SCRIPT", "EXISTS", script.hash)).elements == [.integer(1)])
            #expect(try await client.evaluate(script, keys: ["k"], arguments: [ByteBuffer(string: "a")]) == first)
        }
    }

    @Test func aScriptRunsOnAnEventLoopToo() async throws {
        try await RedisFixture.withClient { client async throws in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let script = RedisScript("return redis.error_reply('MINE \(unique("script"))')")
            for _ in 0..<2 {
                let reply = try await client.evaluate(script, keys: [], arguments: [], on: loop).get()
                #expect(reply.errorMessage?.hasPrefix("MINE") == true)
            }
            await #expect(throws: RedisError.self) { try await client.evaluate(script) }
            #expect(try await client.evaluate(script: "return 7") == .integer(7))
        }
    }

    // MARK: The life of a client

    @Test func withoutAConnectionACommandFailsAtOnce() async throws {
        let client = RedisFixture.client(try RedisFixture.configuration())
        #expect(!client.isAvailable)
        #expect(client.identity == nil)
        await #expect { try await client.send(RedisCommand("PING")) } throws: { error in
            (error as? RedisError)?.code == .unavailable
        }
    }

    @Test func aStoppedClientSaysSo() async throws {
        let client = RedisFixture.client(try RedisFixture.configuration())
        let stream = client.subscriptions(to: ["stopped"])
        try await RedisFixture.running(client) { client async throws in
            #expect(try await client.send(RedisCommand("PING")).string == "PONG")
        }
        await #expect { try await client.send(RedisCommand("PING")) } throws: { error in
            (error as? RedisError)?.code == .shuttingDown
        }
        // Streams end, those that were asked for before and those that are asked for now.
        for await _ in stream {}
        for await _ in client.subscriptions(to: ["stopped"]) { Issue.record("an event came") }
        #expect(!client.isAvailable)
    }

    @Test func waitingForTheFirstConnectionCanBeCancelled() async throws {
        let client = RedisFixture.client(try RedisFixture.configuration())
        let waiting = Task { try await client.firstConnection() }
        waiting.cancel()
        await #expect { try await waiting.value } throws: { ($0 as? RedisError)?.code == .shuttingDown }
    }

    @Test func theServerIsIdentified() async throws {
        let observer = RecordingObserver()
        let client = RedisFixture.client(try RedisFixture.configuration(), observer: observer)
        try await RedisFixture.running(client) { client async throws in
            let identity = try #require(client.identity)
            let info = try await client.send(RedisCommand("INFO", "server")).string
            #expect(info?.contains("run_id:\(identity.runID)") == true)
            var announcements = observer.announcements.makeAsyncIterator()
            #expect(await announcements.next() == .available(identity))
        }
    }
}

extension String {
    /// How often a part stands in it.
    func components(of part: String) -> Int { ranges(of: part).count }
}
