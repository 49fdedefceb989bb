internal import JSONText
internal import Logging
internal import NIOCore
internal import Sessions

extension QueryProxy {
    /// The kind of a session that names none.
    static let usualKind = "sessions"

    /// An operation on sessions: the members of its answer.
    func answer(to request: SessionRequest) async throws -> ByteBuffer {
        guard let sessions else {
            throw ProxyError(.cacheUnavailable, "sessions need Redis (redis.url), or sessions.store = \"memory\"")
        }
        switch request {
        case .create(let user, let kind, let data, let ttl):
            return try await create(user, kind, data, ttl, in: sessions)
        case .get(let id): return try await get(id, from: sessions)
        case .update(let id, let data, let version): return try await update(id, data, version, in: sessions)
        case .extend(let id, let ttl): return try await extend(id, ttl, in: sessions)
        case .rotate(let id, let ttl): return try await rotate(id, ttl, in: sessions)
        case .delete(let id):
            let isDeleted = try await SessionID(id).asyncMap { try await sessions.delete($0) } ?? false
            counters.service.count(.sessionDeleted, by: isDeleted ? 1 : 0)
            return ByteBuffer(string: "\"ok\":true,\"deleted\":\(isDeleted)")
        case .list(let user): return try await list(user, from: sessions)
        case .deleteUser(let user):
            let count = try await sessions.deleteAll(of: user.text)
            counters.service.count(.sessionDeleted, by: count)
            return ByteBuffer(string: "\"ok\":true,\"deleted\":\(count)")
        }
    }

    private func create(
        _ user: SessionRequest.User,
        _ kind: String?,
        _ data: ByteBuffer?,
        _ ttl: Double?,
        in sessions: any SessionStore
    ) async throws -> ByteBuffer {
        let kind = kind ?? Self.usualKind
        guard settings.namespaces.isConfigured(kind) else {
            throw ProxyError(.badRequest, "unknown kind \"\(kind)\": it must be a name in [ttl]")
        }
        let data = data ?? ByteBuffer(string: "{}")
        try check(data)
        let usual = kind == Self.usualKind ? settings.sessionTTL : nil
        let lifetime = try Self.positive(ttl) ?? usual ?? settings.namespaces.settings(of: kind).ttl
        if lifetime <= 0 { throw ProxyError(.badRequest, "sessions of the kind \"\(kind)\" have no time to live") }
        let id = SessionID()
        let draft = SessionDraft(
            user: SessionUser(user.text, isNumber: user.isNumber),
            kind: kind,
            data: data,
            ttl: lifetime
        )
        let end = try await sessions.create(id, draft)
        counters.service.count(.sessionCreated)
        return ByteBuffer(
            string: "\"ok\":true,\"session_id\":\"\(id.text)\",\"expires_at\":\"\(Timestamp.text(end))\""
        )
    }

    private func get(_ id: String, from sessions: any SessionStore) async throws -> ByteBuffer {
        guard let session = try await SessionID(id).asyncMap({ try await sessions.session($0) }) ?? nil else {
            counters.service.count(.sessionMissing)
            return ByteBuffer(string: "\"ok\":true,\"found\":false")
        }
        var members = ByteBuffer(string: "\"ok\":true,\"found\":true,\"session\":{\"user_id\":")
        members.writeUser(session.user)
        members.writeStaticString(",\"kind\":")
        members.writeJSONString(session.kind)
        members.writeTimes(session.createdAt, session.lastSeenAt, session.expiresAt)
        members.writeString(",\"version\":\(session.version),\"data\":")
        do throws(JSONError) {
            try members.writeStoredJSON(session.data)
        } catch {
            throw ProxyError(.cacheUnavailable, "the session's data are damaged")
        }
        members.writeStaticString("}")
        counters.service.count(.sessionFound)
        return members
    }

    private func update(
        _ id: String,
        _ data: ByteBuffer,
        _ version: Int64?,
        in sessions: any SessionStore
    ) async throws -> ByteBuffer {
        try check(data)
        let outcome = try await SessionID(id).asyncMap {
            try await sessions.update($0, data: data, ifVersion: version)
        }
        switch outcome {
        case .updated(let version):
            counters.service.count(.sessionUpdated)
            return ByteBuffer(string: "\"ok\":true,\"updated\":true,\"version\":\(version)")
        case .conflict(let present):
            counters.service.count(.sessionConflict)
            throw ProxyError(.conflict, "the session is at version \(present), not \(version ?? 0)")
        case .missing, nil:
            return ByteBuffer(string: "\"ok\":true,\"updated\":false")
        }
    }

    private func extend(_ id: String, _ ttl: Double?, in sessions: any SessionStore) async throws -> ByteBuffer {
        let lifetime = try Self.positive(ttl)
        guard let end = try await SessionID(id).asyncMap({ try await sessions.extend($0, ttl: lifetime) }) ?? nil else {
            return ByteBuffer(string: "\"ok\":true,\"extended\":false")
        }
        counters.service.count(.sessionExtended)
        return ByteBuffer(string: "\"ok\":true,\"extended\":true,\"expires_at\":\"\(Timestamp.text(end))\"")
    }

    private func rotate(_ id: String, _ ttl: Double?, in sessions: any SessionStore) async throws -> ByteBuffer {
        let lifetime = try Self.positive(ttl)
        guard let id = SessionID(id) else { return Self.notRotated }
        let successor = id.renewed
        switch try await sessions.rotate(id, to: successor, ttl: lifetime) {
        case .rotated(let end):
            counters.service.count(.sessionRotated)
            return ByteBuffer(
                string: "\"ok\":true,\"rotated\":true,\"session_id\":\"\(successor.text)\","
                    + "\"expires_at\":\"\(Timestamp.text(end))\""
            )
        case .reused(let user):
            counters.service.count(.sessionReused)
            logger.warning(
                "a session's id was shown again after it had been replaced; the session is ended",
                metadata: ["session": "\(id)"]
            )
            var members = ByteBuffer(string: "\"ok\":true,\"rotated\":false,\"reused\":true,\"user_id\":")
            members.writeUser(user)
            return members
        case .missing: return Self.notRotated
        }
    }

    private static let notRotated = ByteBuffer(string: "\"ok\":true,\"rotated\":false,\"reused\":false")

    private func list(_ user: SessionRequest.User, from sessions: any SessionStore) async throws -> ByteBuffer {
        var members = ByteBuffer(string: "\"ok\":true,\"sessions\":[")
        for (index, session) in try await sessions.sessions(of: user.text).enumerated() {
            if index > 0 { members.writeStaticString(",") }
            members.writeString("{\"session_id\":\"\(session.id.text)\",\"kind\":")
            members.writeJSONString(session.kind)
            members.writeTimes(session.createdAt, session.lastSeenAt, session.expiresAt)
            members.writeStaticString("}")
            if members.readableBytes > settings.maximumResultBytes {
                throw ProxyError(.responseTooLarge, "the list is larger than \(settings.maximumResultBytes) bytes")
            }
        }
        members.writeStaticString("]")
        return members
    }

    private func check(_ data: ByteBuffer) throws(ProxyError) {
        if data.readableBytes > settings.maximumValueBytes {
            throw ProxyError(.requestTooLarge, "the data are larger than \(settings.maximumValueBytes) bytes")
        }
    }

    /// In milliseconds.
    private static func positive(_ ttl: Double?) throws(ProxyError) -> Int64? {
        guard let ttl else { return nil }
        let lifetime = try lifetime(seconds: ttl)
        if lifetime <= 0 {
            throw ProxyError(.badRequest, "field \"ttl\" must be more than 0; delete a session instead")
        }
        return lifetime
    }
}

extension ProxyError {
    init(_ error: SessionStoreError) {
        switch error {
        case .unavailable(let reason): self.init(.cacheUnavailable, "sessions cannot be reached: \(reason)")
        case .full(let limit): self.init(.overloaded, "there are \(limit) sessions in memory already")
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeUser(_ user: SessionUser) {
        if user.isNumber { writeString(user.text) } else { writeJSONString(user.text) }
    }

    fileprivate mutating func writeTimes(_ createdAt: Int64, _ lastSeenAt: Int64, _ expiresAt: Int64) {
        writeString(
            ",\"created_at\":\"\(Timestamp.text(createdAt))\",\"last_seen_at\":\"\(Timestamp.text(lastSeenAt))\""
        )
        writeString(",\"expires_at\":\"\(Timestamp.text(expiresAt))\"")
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
