import NIOCore
import RedisClient
import Testing

/// Users, passwords, and servers that speak RESP2 alone.
@Suite(.enabled(if: RedisFixture.url != nil), .timeLimit(.minutes(1))) struct RedisUserTests {
    /// A user for the length of the body.
    private func withUser(
        _ rules: String...,
        body: @escaping @Sendable (_ name: String) async throws -> Void
    ) async throws {
        let name = unique("user")
        try await RedisFixture.withClient { admin in
            _ = try await admin.send(RedisCommand(parts: ["ACL", "SETUSER", name, "on", ">s3cret:/@%"] + rules))
            do {
                try await body(name)
            } catch {
                _ = try await admin.send(RedisCommand("ACL", "DELUSER", name))
                throw error
            }
            _ = try await admin.send(RedisCommand("ACL", "DELUSER", name))
        }
    }

    private func configuration(user: String, password: String) throws -> RedisConfiguration {
        try RedisFixture.configuration { configuration in
            configuration.user = user
            configuration.password = password
        }
    }

    @Test func aUserIsAuthenticated() async throws {
        try await withUser("~*", "+@all") { name in
            let client = RedisFixture.client(try configuration(user: name, password: "s3cret:/@%"))
            try await RedisFixture.running(client) { client async throws in
                #expect(try await client.send(RedisCommand("ACL", "WHOAMI")).string == name)
                // RESP3: a map is a map.
                #expect(try await client.send(RedisCommand("CONFIG", "GET", "port")).elements == nil)
            }
        }
    }

    @Test func aWrongPasswordIsNotTriedInAnotherWay() async throws {
        try await withUser("~*", "+@all") { name in
            let observer = RecordingObserver()
            let client = RedisFixture.client(try configuration(user: name, password: "wrong"), observer: observer)
            try await RedisFixture.running(client, isAwaited: false) { client async throws in
                var announcements = observer.announcements.makeAsyncIterator()
                guard case .unavailable(let reason) = await announcements.next() else {
                    Issue.record("it was available")
                    return
                }
                #expect(reason.hasPrefix("WRONGPASS"))
                #expect(!client.isAvailable)
            }
        }
    }

    /// A server without HELLO: Redis asks no right for it, so that no user can be kept from it.
    @Test(arguments: ["redis://:default@127.0.0.1", "redis://other:pw@127.0.0.1"])
    func aServerWithoutHELLOIsSpokenToInRESP2(url: String) async throws {
        try await OwnRedisServer.withServer { port, _ in
            ["--port", "\(port)", "--rename-command", "HELLO", "", "--requirepass", "default"]
        } _: { server in
            try await RedisFixture.withClient(url: "redis://:default@127.0.0.1:\(server.port)") { client async throws in
                let rules = ["other", "on", ">pw", "~*", "&*", "+@all", "-ping", "-client|setname"]
                #expect(try await client.send(RedisCommand(parts: ["ACL", "SETUSER"] + rules)).string == "OK")
            }
            try await RedisFixture.withClient(url: "\(url):\(server.port)") { client async throws in
                #expect(try await client.send(RedisCommand("CONFIG", "GET", "port")).elements?.count == 2)
                #expect(try await client.send(RedisCommand("GET", "none")).isNull)
                var events = client.subscriptions(to: ["channel"]).makeAsyncIterator()
                #expect(await events.next() == .subscribed(try #require(client.identity)))
                _ = try await client.send(RedisCommand("PUBLISH", "channel", "hello"))
                #expect(await events.next() == .message(channel: "channel", ByteBuffer(string: "hello")))
            }
        }
    }

    // MARK: Introductions

    @Test func everyConnectionIsIntroduced() async throws {
        let key = unique("introductions")
        var configuration = try RedisFixture.configuration()
        configuration.introduction = { identity in
            [RedisCommand("HINCRBY", key, identity.runID, "1"), RedisCommand("EXPIRE", key, "60")]
        }
        let client = RedisFixture.client(configuration)
        try await RedisFixture.running(client) { client async throws in
            // Introduced before it is used, so that the first command finds at least one.
            let identity = try #require(client.identity)
            let before = try await client.send(RedisCommand("HGET", key, identity.runID)).integer ?? 0
            #expect(before >= 1)
            var events = client.subscriptions(to: [key]).makeAsyncIterator()
            #expect(await events.next() == .subscribed(identity))
            let after = try await client.send(RedisCommand("HGET", key, identity.runID)).integer ?? 0
            #expect(after > before)
            _ = try await client.send(RedisCommand("DEL", key))
        }
    }

    @Test func aServerThatRefusesTheIntroductionIsNotUsed() async throws {
        var configuration = try RedisFixture.configuration()
        configuration.introduction = { _ in [RedisCommand("PING"), RedisCommand("NOSUCHCOMMAND")] }
        let observer = RecordingObserver()
        let client = RedisFixture.client(configuration, observer: observer)
        try await RedisFixture.running(client, isAwaited: false) { client async throws in
            var announcements = observer.announcements.makeAsyncIterator()
            guard case .unavailable(let reason) = await announcements.next() else {
                Issue.record("it was available")
                return
            }
            #expect(reason.hasPrefix("ERR unknown command"))
            await #expect(throws: RedisError.self) { try await client.send(RedisCommand("PING")) }
        }
    }
}
