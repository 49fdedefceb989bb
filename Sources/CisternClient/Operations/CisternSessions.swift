public import Foundation

/// A session that has been made, or renewed.
public struct SessionGrant: Hashable, Sendable {
    /// Secret: whoever knows it holds the session.
    public let id: String
    public let expiresAt: Date
}

/// What became of an id that was to be replaced.
public enum SessionRotation: Hashable, Sendable {
    case renewed(SessionGrant)
    /// It had been replaced before, so somebody else may hold its successor: the session has been ended.
    case reused
    /// There is no such session, or no longer.
    case missing
}

/// A session as the server holds it.
public struct CisternSession<Payload: Sendable>: Sendable {
    public let userID: String
    public let createdAt: Date
    public let lastSeenAt: Date
    public let expiresAt: Date
    /// Raised by each update; for a compare-and-set.
    public let version: Int
    public let data: Payload
}

/// A user's session in a list, without its data.
public struct SessionSummary: Hashable, Sendable {
    public let id: String
    public let createdAt: Date
    public let lastSeenAt: Date
    public let expiresAt: Date
}

/// Sessions of users. They are records and not cache: while Redis is away everything here fails with
/// ``CisternError/Code/cacheUnavailable``, and nothing is ever served from a process's memory.
public struct CisternSessions: Sendable {
    private let client: CisternClient

    init(_ client: CisternClient) {
        self.client = client
    }

    /// Makes a session.
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - data: what the session is to hold.
    ///   - timeToLive: nil for the kind's.
    ///   - kind: a namespace of the server's table of times to live, such as `refresh_tokens`; nil for `sessions`.
    /// - Throws: ``CisternError``.
    public func create(
        userID: String,
        data: some Encodable & Sendable = CisternValue.object([]),
        timeToLive: Duration? = nil,
        kind: String? = nil
    ) async throws(CisternError) -> SessionGrant {
        let json = try CisternValue.json(data)
        let answer = try await client.ask("session.create") { line in
            line.add("user_id", userID)
            line.add("data", json)
            line.add("ttl", seconds: timeToLive)
            line.add("kind", kind)
        }
        return try SessionGrant(answer)
    }

    /// The session of an id; nil where there is none, or no longer.
    ///
    /// - Throws: ``CisternError``.
    public func get<Payload: Decodable & Sendable>(
        _ id: String,
        as type: Payload.Type = Payload.self
    ) async throws(CisternError) -> CisternSession<Payload>? {
        let answer = try await client.ask("session.get") { $0.add("session_id", id) }
        guard try answer.bool("found") else { return nil }
        return try CisternSession(try answer.object("session"))
    }

    /// Puts other data into a session.
    ///
    /// - Parameters:
    ///   - id: the session's.
    ///   - data: what it is to hold from now on.
    ///   - version: the one that was read; the update is then refused if there was another meanwhile.
    /// - Returns: the new version; nil where there is no such session.
    /// - Throws: ``CisternError``; ``CisternError/Code/conflict`` where the version is no longer that.
    @discardableResult
    public func update(
        _ id: String,
        data: some Encodable & Sendable,
        ifVersion version: Int? = nil
    ) async throws(CisternError) -> Int? {
        let json = try CisternValue.json(data)
        let answer = try await client.ask("session.update") { line in
            line.add("session_id", id)
            line.add("data", json)
            line.add("version", version.map { CisternValue.int($0) })
        }
        return try answer.bool("updated") ? try answer.int("version") : nil
    }

    /// Lets a session live on.
    ///
    /// - Returns: when it ends now; nil where there is no such session.
    /// - Throws: ``CisternError``.
    @discardableResult
    public func extend(_ id: String, by timeToLive: Duration? = nil) async throws(CisternError) -> Date? {
        let answer = try await client.ask("session.extend") { line in
            line.add("session_id", id)
            line.add("ttl", seconds: timeToLive)
        }
        return try answer.bool("extended") ? try answer.date("expires_at") : nil
    }

    /// Ends a session (log out), on all proxies at once.
    ///
    /// - Returns: false where there was none.
    /// - Throws: ``CisternError``.
    @discardableResult
    public func delete(_ id: String) async throws(CisternError) -> Bool {
        try await client.ask("session.delete") { $0.add("session_id", id) }.bool("deleted")
    }

    /// The user's live sessions.
    ///
    /// - Throws: ``CisternError``.
    public func list(userID: String) async throws(CisternError) -> [SessionSummary] {
        let answer = try await client.ask("session.list") { $0.add("user_id", userID) }
        var sessions: [SessionSummary] = []
        for value in try answer.array("sessions") { sessions.append(try SessionSummary(Answer(inner: value))) }
        return sessions
    }

    /// Ends all of a user's sessions (log out everywhere).
    ///
    /// - Returns: how many there were.
    /// - Throws: ``CisternError``.
    @discardableResult
    public func deleteAll(userID: String) async throws(CisternError) -> Int {
        try await client.ask("session.delete_user") { $0.add("user_id", userID) }.int("deleted")
    }

    /// Replaces an id by a new one, as refresh tokens are when they are used: the old one is refused from then on, and
    /// showing it here again ends the session.
    ///
    /// - Throws: ``CisternError``.
    public func rotate(_ id: String) async throws(CisternError) -> SessionRotation {
        let answer = try await client.ask("session.rotate") { $0.add("session_id", id) }
        if try answer.bool("rotated") { return .renewed(try SessionGrant(answer)) }
        return try answer.bool("reused") ? .reused : .missing
    }
}

extension CisternClient {
    public var sessions: CisternSessions { CisternSessions(self) }
}

extension Answer {
    fileprivate func date(_ name: String) throws(CisternError) -> Date {
        guard let text = value[name]?.string, let date = TimestampText.date(from: text) else {
            throw .bad("lacks the time \"\(name)\"")
        }
        return date
    }
}

extension SessionGrant {
    fileprivate init(_ answer: Answer) throws(CisternError) {
        id = try answer.string("session_id")
        expiresAt = try answer.date("expires_at")
    }
}

extension SessionSummary {
    fileprivate init(_ answer: Answer) throws(CisternError) {
        id = try answer.string("session_id")
        createdAt = try answer.date("created_at")
        lastSeenAt = try answer.date("last_seen_at")
        expiresAt = try answer.date("expires_at")
    }
}

extension CisternSession where Payload: Decodable {
    fileprivate init(_ answer: Answer) throws(CisternError) {
        // Other clients may name users by numbers.
        if case .number(let digits)? = answer.value["user_id"] {
            userID = digits
        } else {
            userID = try answer.string("user_id")
        }
        createdAt = try answer.date("created_at")
        lastSeenAt = try answer.date("last_seen_at")
        expiresAt = try answer.date("expires_at")
        version = try answer.int("version")
        data = try (answer.value["data"] ?? .null).decode(Payload.self)
    }
}
