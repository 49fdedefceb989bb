import NIOCore
import ProcessSupport
import RedisClient
import Testing

@Suite(.enabled(if: RedisFixture.url != nil), .timeLimit(.minutes(1))) struct RedisSubscriptionTests {
    private typealias Event = RedisSubscriptionEvent

    private func message(_ channel: String, _ text: String) -> Event {
        .message(channel: channel, ByteBuffer(string: text))
    }

    @Test func messagesOfAllChannelsComeInOrder() async throws {
        let (one, two) = (unique("one"), unique("two"))
        try await RedisFixture.withClient { client async throws in
            var events = client.subscriptions(to: [one, two]).makeAsyncIterator()
            #expect(await events.next() == .subscribed(try #require(client.identity)))
            for number in 0..<1_000 {
                _ = try await client.send([RedisCommand("PUBLISH", number % 2 == 0 ? one : two, "\(number)")])
            }
            for number in 0..<1_000 {
                #expect(await events.next() == message(number % 2 == 0 ? one : two, "\(number)"))
            }
        }
    }

    @Test func aKilledSubscriptionIsMadeAgain() async throws {
        try await OwnRedisServer.withServer { server in
            try await RedisFixture.withClient(url: server.url) { client async throws in
                let identity = try #require(client.identity)
                var events = client.subscriptions(to: ["news"]).makeAsyncIterator()
                #expect(await events.next() == .subscribed(identity))
                for round in 1...3 {
                    #expect(try await client.send(RedisCommand("PUBLISH", "news", "\(round)")) == .integer(1))
                    #expect(await events.next() == message("news", "\(round)"))
                    #expect(try await client.send(RedisCommand("CLIENT", "KILL", "TYPE", "pubsub")) == .integer(1))
                    #expect(await events.next() == .lost)
                    #expect(await events.next() == .subscribed(identity))
                }
            }
        }
    }

    @Test func aServerThatWasStartedAgainIsToldFromTheOneBefore() async throws {
        try await OwnRedisServer.withServer { server in
            try await RedisFixture.withClient(url: server.url) { client async throws in
                let first = try #require(client.identity)
                var events = client.subscriptions(to: ["news"]).makeAsyncIterator()
                #expect(await events.next() == .subscribed(first))
                await server.stop()
                #expect(await events.next() == .lost)
                try await server.start()
                guard case .subscribed(let second) = await events.next() else {
                    Issue.record("it was not subscribed again")
                    return
                }
                #expect(second.runID != first.runID)
            }
        }
    }

    @Test func aReaderWhoHasGoneEndsTheConnection() async throws {
        try await OwnRedisServer.withServer { server in
            try await RedisFixture.withClient(url: server.url) { client async throws in
                func subscribers() async throws -> Int64? {
                    try await client.send(RedisCommand("PUBLISH", "news", "x")).integer
                }
                do {
                    let stream = client.subscriptions(to: ["news"])
                    for await event in stream {
                        if case .subscribed = event { break }
                    }
                    #expect(try await subscribers() == 1)
                }
                #expect(try await eventually(within: .seconds(5)) { try await subscribers() == 0 })
                // And it is not made again.
                _ = try await client.send(RedisCommand("CLIENT", "KILL", "TYPE", "pubsub"))
                #expect(try await subscribers() == 0)
            }
        }
    }

    @Test func noChannelIsNoSubscription() async throws {
        try await RedisFixture.withClient { client async throws in
            for await event in client.subscriptions(to: []) { Issue.record("\(event) came") }
        }
    }
}
