package import NIOCore
package import RedisClient
package import Sessions

/// Sessions in Redis, which every proxy asks each time: what one of them ends is ended on all.
package final class RedisSessionStore: SessionStore {
    /// Sessions of one user that a script goes over at once, so that Redis is not held up.
    private static let page = 500

    private let redis: RedisClient
    private let keys: RedisKeys
    /// Milliseconds, zero for no bound.
    private let maximumLifetime: Int64
    let guards: SessionGuards

    /// - Parameter maximumLifetime: milliseconds from a session's creation to its end at the latest; nil for no bound.
    package init(
        redis: RedisClient,
        keys: RedisKeys,
        maximumLifetime: Int64?,
        guards: SessionGuards = SessionGuards()
    ) {
        self.redis = redis
        self.keys = keys
        self.maximumLifetime = maximumLifetime ?? 0
        self.guards = guards
    }

    package func create(_ id: SessionID, _ draft: SessionDraft) async throws(SessionStoreError) -> Int64 {
        guard guards.indexesInOneStep else { return try await createInTwoSteps(id, draft) }
        let reply = try await run(
            SessionScripts.create,
            keys: [keys.session(id.name), keys.sessions(of: draft.user.text)],
            arguments: [text(id.name), text(maximumLifetime), text(draft.ttl)] + fields(of: draft, id)
        )
        return try reply.required(\.integer)
    }

    private func fields(of draft: SessionDraft, _ id: SessionID) -> [ByteBuffer] {
        var fields = [
            text("secret"), text(id.secret), text("user"), text(draft.user.text), text("kind"), text(draft.kind),
            text("data"), draft.data,
        ]
        if draft.user.isNumber { fields += [text("number"), text("1")] }
        return fields
    }

    package func session(_ id: SessionID) async throws(SessionStoreError) -> Session? {
        let reply = try await run(SessionScripts.get, id)
        if reply.isNull { return nil }
        guard let parts = reply.elements, parts.count == 8, let user = parts[0].string, let kind = parts[2].string,
            let created = parts[3].integer, let seen = parts[4].integer, let expires = parts[5].integer,
            let version = parts[6].integer, let data = parts[7].bytes
        else { throw .unexpected }
        return Session(
            user: SessionUser(user, isNumber: !parts[1].isNull),
            kind: kind,
            createdAt: created,
            lastSeenAt: seen,
            expiresAt: expires,
            version: version,
            data: data
        )
    }

    package func update(
        _ id: SessionID,
        data: ByteBuffer,
        ifVersion version: Int64?
    ) async throws(SessionStoreError) -> SessionUpdate {
        if let version, !guards.comparesInOneStep {
            return try await updateInTwoSteps(id, data, ifVersion: version)
        }
        let parts =
            try await run(SessionScripts.update, id, [data, version.map { text($0) } ?? text("")]).elements ?? []
        switch (parts.first?.string, parts.last?.integer) {
        case ("missing", _): return .missing
        case ("conflict", let version?): return .conflict(version: version)
        case ("updated", let version?): return .updated(version: version)
        default: throw .unexpected
        }
    }

    package func extend(_ id: SessionID, ttl: Int64?) async throws(SessionStoreError) -> Int64? {
        let reply = try await run(SessionScripts.extend, id, [ttl.map { text($0) } ?? text("")])
        return reply.isNull ? nil : try reply.required(\.integer)
    }

    package func delete(_ id: SessionID) async throws(SessionStoreError) -> Bool {
        try await run(SessionScripts.delete, id).required(\.integer) == 1
    }

    package func rotate(
        _ id: SessionID,
        to successor: SessionID,
        ttl: Int64?
    ) async throws(SessionStoreError) -> SessionRotation {
        let arguments = [ttl.map { text($0) } ?? text(""), text(successor.secret)]
        let parts = try await run(SessionScripts.rotate, id, arguments).elements ?? []
        switch parts.first?.string {
        case "missing": return .missing
        case "rotated" where parts.count == 2: return .rotated(expiresAt: try parts[1].required(\.integer))
        case "reused" where parts.count >= 2:
            let user = try parts[1].required(\.string)
            return .reused(SessionUser(user, isNumber: parts.count > 2 && !parts[2].isNull))
        default: throw .unexpected
        }
    }

    package func sessions(of user: String) async throws(SessionStoreError) -> [ListedSession] {
        // A session that moves while the pages are read may stand on two of them.
        var found: [String: ListedSession] = [:]
        var offset: Int64 = 0
        var isLast = false
        while !isLast {
            let parts = try await run(
                SessionScripts.list,
                keys: [keys.sessions(of: user)],
                arguments: [text(keys.session("")), text(maximumLifetime), text(offset), text(Self.page)]
            ).required(\.elements)
            guard parts.count >= 2 else { throw .unexpected }
            for part in parts.dropFirst(2) {
                guard let listed = ListedSession(part.elements ?? []) else { throw .unexpected }
                found[listed.id.name] = listed
            }
            isLast = try parts[0].required(\.integer) < Self.page
            // What was taken out of the index lets the following names move up.
            offset += try parts[1].required(\.integer)
        }
        return found.values.sorted { ($0.createdAt, $0.id.name) < ($1.createdAt, $1.id.name) }
    }

    package func deleteAll(of user: String) async throws(SessionStoreError) -> Int {
        var count: Int64 = 0
        var isLast = false
        while !isLast {
            let parts = try await run(
                SessionScripts.deleteUser,
                keys: [keys.sessions(of: user)],
                arguments: [text(keys.session("")), text(maximumLifetime), text(Self.page)]
            ).required(\.elements)
            count += try parts.last.required(\.integer)
            isLast = try parts.first.required(\.integer) < Self.page
        }
        return Int(count)
    }

    // MARK: Redis

    private func run(
        _ script: RedisScript,
        _ id: SessionID,
        _ arguments: [ByteBuffer] = []
    ) async throws(SessionStoreError) -> RESPValue {
        try await run(
            script,
            keys: [keys.session(id.name)],
            arguments: [text(id.name), text(id.secret), text(keys.sessions(of: "")), text(maximumLifetime)] + arguments
        )
    }

    private func run(
        _ script: RedisScript,
        keys: [String],
        arguments: [ByteBuffer]
    ) async throws(SessionStoreError) -> RESPValue {
        do throws(RedisError) {
            return try await redis.evaluate(script, keys: keys, arguments: arguments)
        } catch {
            throw .unavailable(error.message)
        }
    }

    func send(_ command: RedisCommand) async throws(SessionStoreError) -> RESPValue {
        do throws(RedisError) {
            return try await redis.send(command)
        } catch {
            throw .unavailable(error.message)
        }
    }

    private func text(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }
    private func text(_ number: some BinaryInteger) -> ByteBuffer { ByteBuffer(string: String(number)) }
}

// MARK: - Without a guard

extension RedisSessionStore {
    /// For tests: two who compare at once both find their version, and one's data is lost.
    private func updateInTwoSteps(
        _ id: SessionID,
        _ data: ByteBuffer,
        ifVersion version: Int64
    ) async throws(SessionStoreError) -> SessionUpdate {
        guard let session = try await session(id) else { return .missing }
        if session.version != version { return .conflict(version: session.version) }
        return try await update(id, data: data, ifVersion: nil)
    }

    /// For tests: whoever ends the user's sessions between the two steps takes the place away, and the session stays.
    private func createInTwoSteps(
        _ id: SessionID,
        _ draft: SessionDraft
    ) async throws(SessionStoreError) -> Int64 {
        let index = keys.sessions(of: draft.user.text)
        _ = try await send(RedisCommand("ZADD", index, String(Int64.max / 2), id.name))
        var command = RedisCommand("HSET", keys.session(id.name), "created", "1", "ttl", "1000", "version", "1")
        for field in fields(of: draft, id) { command.append(field) }
        _ = try await send(command)
        return .max
    }
}

extension SessionStoreError {
    fileprivate static let unexpected = SessionStoreError.unavailable("a script answered something else")
}

extension RESPValue {
    fileprivate func required<Value>(
        _ path: KeyPath<RESPValue, Value?>
    ) throws(SessionStoreError) -> Value {
        guard let value = self[keyPath: path] else { throw .unexpected }
        return value
    }
}

extension RESPValue? {
    fileprivate func required<Value>(
        _ path: KeyPath<RESPValue, Value?>
    ) throws(SessionStoreError) -> Value {
        guard let value = self?[keyPath: path] else { throw .unexpected }
        return value
    }
}

extension ListedSession {
    /// A line of the script's answer.
    fileprivate init?(_ parts: [RESPValue]) {
        guard parts.count == 6, let name = parts[0].string, let secret = parts[1].string,
            let id = SessionID(name: name, storedSecret: secret), let kind = parts[2].string,
            let created = parts[3].integer, let seen = parts[4].integer, let expires = parts[5].integer
        else { return nil }
        self.init(id: id, kind: kind, createdAt: created, lastSeenAt: seen, expiresAt: expires)
    }
}
