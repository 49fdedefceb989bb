import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisHandshakeTests {
    private typealias Settings = RedisHandshake.Settings

    /// Runs the server's replies through, and tells what was sent and how it ended.
    private func transcript(
        _ settings: Settings = Settings(),
        _ replies: RESPValue...
    ) -> (sent: [[RedisCommand]], end: RedisHandshake.Action?) {
        var handshake = RedisHandshake(settings: settings)
        var sent: [[RedisCommand]] = []
        var action = handshake.start()
        for reply in replies {
            if case .send(let commands) = action { sent.append(commands) }
            action = handshake.received(reply)
            if case .complete = action { break }
            if case .fail = action { break }
        }
        switch action {
        case .send(let commands): return (sent + [commands], nil)
        case .wait: return (sent, nil)
        case .complete, .fail: return (sent, action)
        }
    }

    private let preparation = [
        RedisCommand("INFO", "server"), RedisCommand("INFO", "replication"), RedisCommand("PING"),
    ]

    private func refusal(_ message: String) -> RedisHandshake.Action {
        .fail(RedisError(code: .server, message: message))
    }

    @Test func aServerThatSpeaksRESP3IsIdentified() {
        let (sent, end) = transcript(
            Settings(),
            ServerReplies.hello,
            ServerReplies.redis7,
            ServerReplies.replication,
            ServerReplies.pong
        )
        #expect(sent == [[RedisCommand("HELLO", "3")], preparation])
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func theTextOfINFOMayBeVerbatim() {
        func verbatim(_ value: RESPValue) -> RESPValue { .verbatim(format: "txt", value.bytes ?? ByteBuffer()) }
        let (_, end) = transcript(
            Settings(),
            ServerReplies.hello,
            verbatim(ServerReplies.redis7),
            verbatim(ServerReplies.replication),
            ServerReplies.pong
        )
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func credentialsDatabaseAndNameAreSentWithIt() {
        let settings = Settings(user: "cache", password: "secret", database: 3, clientName: "cistern")
        let (sent, end) = transcript(
            settings,
            ServerReplies.hello,
            ServerReplies.ok,
            ServerReplies.ok,
            ServerReplies.redis7,
            ServerReplies.replication,
            ServerReplies.pong
        )
        #expect(
            sent == [
                [RedisCommand("HELLO", "3", "AUTH", "cache", "secret")],
                [RedisCommand("SELECT", "3"), RedisCommand("CLIENT", "SETNAME", "cistern")] + preparation,
            ]
        )
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func aPasswordAloneIsThatOfTheDefaultUser() {
        let (sent, _) = transcript(Settings(password: "secret"))
        #expect(sent == [[RedisCommand("HELLO", "3", "AUTH", "default", "secret")]])
    }

    @Test(arguments: ["ERR unknown command 'HELLO'", "NOPROTO unsupported protocol version", "NOPERM no permissions"])
    func aServerThatRefusesHELLOIsSpokenToInRESP2(message: String) {
        let (sent, end) = transcript(
            Settings(),
            .error(message),
            ServerReplies.redis7,
            ServerReplies.replication,
            ServerReplies.pong
        )
        #expect(sent == [[RedisCommand("HELLO", "3")], preparation])
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test(arguments: [nil, "cache"]) func credentialsAreGivenAnewInRESP2(user: String?) {
        let (sent, end) = transcript(
            Settings(user: user, password: "secret"),
            .error("NOPERM"),
            ServerReplies.ok,
            ServerReplies.redis7,
            ServerReplies.replication,
            ServerReplies.pong
        )
        let authenticate = user.map { RedisCommand("AUTH", $0, "secret") } ?? RedisCommand("AUTH", "secret")
        #expect(sent.dropFirst() == [[authenticate], preparation])
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func wrongCredentialsEndIt() {
        let message = "WRONGPASS invalid username-password pair"
        let settings = Settings(user: "cache", password: "wrong")
        #expect(transcript(settings, .error(message)).end == refusal(message))
        #expect(transcript(settings, .error("ERR unknown command"), .error(message)).end == refusal(message))
    }

    @Test func aServerThatWantsAPasswordIsNotAskedFurther() {
        let message = "NOAUTH HELLO must be called with the client already authenticated"
        #expect(transcript(Settings(), .error(message)).end == refusal(message))
    }

    @Test func aDatabaseThatThereIsNotEndsIt() {
        let message = "ERR DB index is out of range"
        #expect(transcript(Settings(database: 99), ServerReplies.hello, .error(message)).end == refusal(message))
    }

    @Test func aNameThatIsRefusedDoesNotMatter() {
        let (_, end) = transcript(
            Settings(clientName: "cistern"),
            ServerReplies.hello,
            .error("NOPERM"),
            ServerReplies.redis7,
            ServerReplies.replication,
            ServerReplies.pong
        )
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func aUserWhoMayNotPingIsAnsweredNevertheless() {
        let (_, end) = transcript(
            Settings(),
            ServerReplies.hello,
            ServerReplies.redis7,
            ServerReplies.replication,
            .error("NOPERM this user has no PING")
        )
        #expect(end == .complete(ServerReplies.identity))
    }

    @Test func aServerThatIsStillLoadingIsNotUsed() {
        let message = "LOADING Redis is loading the dataset in memory"
        let (_, end) = transcript(
            Settings(),
            ServerReplies.hello,
            ServerReplies.redis7,
            ServerReplies.replication,
            .error(message)
        )
        #expect(end == .fail(RedisError(code: .unavailable, message: message)))
    }

    @Test(arguments: [RESPValue.error("NOPERM no INFO"), .null, .array([])])
    func aServerThatCannotBeIdentifiedIsNotUsed(reply: RESPValue) {
        guard case .fail(let error) = transcript(Settings(), ServerReplies.hello, reply).end,
            case .fail(let second) = transcript(Settings(), ServerReplies.hello, ServerReplies.redis7, reply).end
        else {
            Issue.record("it was used")
            return
        }
        #expect(error.code == .server)
        #expect(second.code == .server)
    }

    @Test func aReplyTooManyIsAViolation() {
        var handshake = RedisHandshake(settings: .plain)
        guard case .fail(let early) = handshake.received(ServerReplies.ok) else {
            Issue.record("a reply came before a command and was taken")
            return
        }
        #expect(early.code == .protocolViolation)
        // It has ended: starting it again sends nothing.
        #expect(handshake.start() == .wait)
    }
}

@Suite struct RedisIntroductionTests {
    private func handshake(
        _ introduction: @escaping @Sendable (RedisServerIdentity) -> [RedisCommand]
    ) -> RedisHandshake {
        var handshake = RedisHandshake(settings: RedisHandshake.Settings(introduction: introduction))
        _ = handshake.start()
        for reply in [ServerReplies.hello, ServerReplies.redis7] { _ = handshake.received(reply) }
        #expect(handshake.received(ServerReplies.replication) == .wait)
        return handshake
    }

    @Test func itIsSentToTheIdentifiedServerBeforeThisIsUsed() {
        var handshake = handshake { [RedisCommand("SET", "run", $0.runID), RedisCommand("GET", "epoch")] }
        #expect(
            handshake.received(ServerReplies.pong)
                == .send([RedisCommand("SET", "run", "run-1"), RedisCommand("GET", "epoch")])
        )
        #expect(handshake.start() == .wait)
        #expect(handshake.received(ServerReplies.ok) == .wait)
        #expect(handshake.received(.null) == .complete(ServerReplies.identity))
        guard case .fail(let error) = handshake.received(ServerReplies.ok) else {
            Issue.record("a reply too many was taken")
            return
        }
        #expect(error.code == .protocolViolation)
    }

    @Test func nothingToSayCompletesAtOnce() {
        var handshake = handshake { _ in [] }
        #expect(handshake.received(ServerReplies.pong) == .complete(ServerReplies.identity))
    }

    @Test(arguments: [0, 1, 2]) func anErrorToAnyPartOfItEndsIt(position: Int) {
        var handshake = handshake { _ in Array(repeating: RedisCommand("GET", "epoch"), count: 3) }
        _ = handshake.received(ServerReplies.pong)
        for _ in 0..<position { #expect(handshake.received(ServerReplies.ok) == .wait) }
        let message = "READONLY You can't write against a read only replica."
        #expect(handshake.received(.error(message)) == .fail(RedisError(code: .server, message: message)))
    }

    @Test func aServerThatIsLoadingIsNotIntroducedTo() {
        var handshake = handshake { _ in [RedisCommand("GET", "epoch")] }
        guard case .fail(let error) = handshake.received(.error("LOADING x")) else {
            Issue.record("it was used")
            return
        }
        #expect(error.code == .unavailable)
    }
}

@Suite struct RedisServerIdentityTests {
    private func identity(_ fields: String..., replication: String = "") throws(RedisError) -> RedisServerIdentity {
        try RedisServerIdentity(server: fields.joined(separator: "\r\n"), replication: replication)
    }

    @Test func redisFrom7OnIsTaken() throws {
        #expect(try identity("redis_version:7.0.0", "run_id:a").version == "7.0.0")
        #expect(try identity("redis_version:8.2.1", "run_id:a").version == "8.2.1")
        #expect(try identity("redis_version:10.0", "run_id:a").version == "10.0")
    }

    @Test(arguments: ["6.2.14", "2.8", "", "x.y", "-7.0"]) func anOlderOneIsRefused(version: String) {
        #expect { try identity("redis_version:\(version)", "run_id:a") } throws: { error in
            (error as? RedisError)?.code == .unsupportedServer
        }
    }

    @Test func valkeyIsTakenByItsOwnVersion() throws {
        let identity = try identity("redis_version:7.2.4", "server_name:valkey", "valkey_version:8.0.1", "run_id:a")
        #expect(identity.version == "8.0.1")
        #expect(identity.isValkey)
    }

    @Test(arguments: [["redis_version:7.0.0"], ["run_id:a"], ["no field at all", ""]])
    func whatIsNotRedisIsRefused(fields: [String]) {
        #expect {
            try RedisServerIdentity(server: fields.joined(separator: "\n"), replication: "")
        } throws: { ($0 as? RedisError)?.code == .unsupportedServer }
    }

    @Test func theHistoryIsTheReplicationID() throws {
        let identity = try identity(
            "redis_version:7.0.0",
            "run_id:a",
            replication: "role:slave\r\nmaster_replid:f00\r\n"
        )
        #expect(identity.replicationID == "f00")
        #expect(try self.identity("redis_version:7.0.0", "run_id:a").replicationID.isEmpty)
    }

    @Test func aValueKeepsItsColons() throws {
        let identity = try identity("redis_version:7.0.0", "run_id:a:b")
        #expect(identity.runID == "a:b")
    }
}
