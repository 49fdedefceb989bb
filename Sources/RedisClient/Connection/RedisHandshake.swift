internal import NIOCore

// From a fresh connection to one that may be used.
//
//     HELLO 3 [AUTH user password] ─ ok ────────────▶ SELECT?, CLIENT SETNAME, INFO ×2, PING ─▶ introduction? ─▶ identity
//              └ an error ─▶ [AUTH [user] password] ─ ok ─▶ (the same, in RESP2)
//
// - Wrong credentials end it at once; every other error to HELLO is answered by trying RESP2, since older servers, proxies
//   and users that may not say HELLO all answer it differently.
// - PING comes last because a server that is still loading its data answers all of the others.
// - The introduction is whatever has to be done with this very server before anything else is; it is sent when the server is
//   known, and an error to any part of it ends the connection.
struct RedisHandshake: Sendable {
    enum Action: Sendable, Equatable {
        case send([RedisCommand])
        case wait
        case complete(RedisServerIdentity)
        case fail(RedisError)
    }

    struct Settings: Sendable {
        var user: String?
        var password: String?
        var database = 0
        var clientName = ""
        var introduction: (@Sendable (RedisServerIdentity) -> [RedisCommand])?
    }

    private enum State {
        case initial
        case awaitingHello
        case awaitingAuth
        /// The replies that are still to come, in order.
        case preparing([Step], server: String)
        /// The server is known, and so many replies to the introduction are still to come: at least one. Followed by
        /// finished.
        case introducing(RedisServerIdentity, remaining: Int)
        case finished
    }

    private enum Step {
        case select
        case setName
        case serverInfo
        case replicationInfo
        case ping
    }

    private let settings: Settings
    private var state = State.initial
    private var identity: RedisServerIdentity?

    init(settings: Settings) {
        self.settings = settings
    }

    mutating func start() -> Action {
        switch state {
        case .initial:
            state = .awaitingHello
            var hello = RedisCommand("HELLO", "3")
            if let password = settings.password {
                hello.append("AUTH")
                hello.append(settings.user ?? "default")
                hello.append(password)
            }
            return .send([hello])
        case .awaitingHello, .awaitingAuth, .preparing, .introducing, .finished:
            return .wait
        }
    }

    mutating func received(_ reply: RESPValue) -> Action {
        switch state {
        case .initial, .finished:
            return fail(code: .protocolViolation, "a reply came to a command that was not sent")
        case .awaitingHello:
            guard let message = reply.errorMessage else { return prepare() }
            if message.hasPrefix("WRONGPASS") { return fail(code: .server, message) }
            guard let password = settings.password else {
                return message.hasPrefix("NOAUTH") ? fail(code: .server, message) : prepare()
            }
            state = .awaitingAuth
            var authenticate = RedisCommand("AUTH")
            if let user = settings.user { authenticate.append(user) }
            authenticate.append(password)
            return .send([authenticate])
        case .awaitingAuth:
            if let message = reply.errorMessage { return fail(code: .server, message) }
            return prepare()
        case .preparing(let steps, let server):
            return received(reply, steps: steps, server: server)
        case .introducing(let identity, let remaining):
            if let message = reply.errorMessage { return fail(code: .server, message) }
            guard remaining > 1 else { return complete(identity) }
            state = .introducing(identity, remaining: remaining - 1)
            return .wait
        }
    }

    private mutating func prepare() -> Action {
        var steps: [Step] = []
        var commands: [RedisCommand] = []
        if settings.database != 0 {
            steps.append(.select)
            commands.append(RedisCommand("SELECT", String(settings.database)))
        }
        if !settings.clientName.isEmpty {
            steps.append(.setName)
            commands.append(RedisCommand("CLIENT", "SETNAME", settings.clientName))
        }
        steps += [.serverInfo, .replicationInfo, .ping]
        commands += [RedisCommand("INFO", "server"), RedisCommand("INFO", "replication"), RedisCommand("PING")]
        state = .preparing(steps, server: "")
        return .send(commands)
    }

    private mutating func received(_ reply: RESPValue, steps: [Step], server: String) -> Action {
        guard let step = steps.first else {
            return fail(code: .protocolViolation, "a reply came that was not asked for")
        }
        let rest = Array(steps.dropFirst())
        switch step {
        case .select:
            if let message = reply.errorMessage { return fail(code: .server, message) }
            state = .preparing(rest, server: server)
            return .wait
        case .setName:
            // A name is a courtesy to whoever reads CLIENT LIST: a user who may not set one can work all the same.
            state = .preparing(rest, server: server)
            return .wait
        case .serverInfo:
            guard let text = reply.string else { return failedInfo(reply) }
            state = .preparing(rest, server: text)
            return .wait
        case .replicationInfo:
            guard let text = reply.string else { return failedInfo(reply) }
            do {
                identity = try RedisServerIdentity(server: server, replication: text)
            } catch {
                state = .finished
                return .fail(error)
            }
            state = .preparing(rest, server: "")
            return .wait
        case .ping:
            // A user who may not PING is answered with another error, and that is an answer.
            if let message = reply.errorMessage, message.hasPrefix("LOADING") {
                return fail(code: .unavailable, message)
            }
            guard let identity else { return fail(code: .protocolViolation, "the server was not identified") }
            return introduce(identity)
        }
    }

    private mutating func introduce(_ identity: RedisServerIdentity) -> Action {
        let commands = settings.introduction?(identity) ?? []
        guard !commands.isEmpty else { return complete(identity) }
        state = .introducing(identity, remaining: commands.count)
        return .send(commands)
    }

    private mutating func complete(_ identity: RedisServerIdentity) -> Action {
        state = .finished
        return .complete(identity)
    }

    private mutating func failedInfo(_ reply: RESPValue) -> Action {
        fail(code: .server, "INFO is needed to tell one server from another: \(reply.errorMessage ?? "no text came")")
    }

    private mutating func fail(code: RedisError.Code, _ message: String) -> Action {
        state = .finished
        return .fail(RedisError(code: code, message: message))
    }
}
