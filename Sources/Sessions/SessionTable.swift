package import NIOCore

/// Sessions in memory, as a value: every call is told what time it is.
///
/// Invariants: each session is in its user's index and each name in an index has a session; of those whose time is over
/// there are never more than of those that live, plus ``slack``.
package struct SessionTable: Sendable {
    private static let slack = 1024

    private struct Record: Sendable {
        var secret: String
        var session: Session
        var ttl: Int64
    }

    /// Sessions at most.
    private let limit: Int
    /// Milliseconds from a session's creation to its end at the latest; nil for no bound.
    private let maximumLifetime: Int64?
    private var records: [String: Record] = [:]
    private var names: [String: Set<String>] = [:]
    /// So many sessions may be there before those whose time is over are looked for.
    private var nextSweep = Self.slack

    package init(limit: Int, maximumLifetime: Int64?) {
        self.limit = limit
        self.maximumLifetime = maximumLifetime
    }

    /// Those whose time is over and who have not been met since are counted too.
    package var count: Int { records.count }

    /// - Returns: when it expires; nil where the table is full.
    package mutating func create(_ id: SessionID, _ draft: SessionDraft, now: Int64) -> Int64? {
        if records.count >= min(nextSweep, limit) {
            sweep(now)
            nextSweep = max(Self.slack, 2 * records.count)
        }
        if records.count >= limit { return nil }
        let end = end(draft.ttl, createdAt: now, now)
        let session = Session(
            user: draft.user,
            kind: draft.kind,
            createdAt: now,
            lastSeenAt: now,
            expiresAt: end,
            version: 1,
            data: draft.data
        )
        records[id.name] = Record(secret: id.secret, session: session, ttl: draft.ttl)
        names[draft.user.text, default: []].insert(id.name)
        return end
    }

    package mutating func session(_ id: SessionID, now: Int64) -> Session? {
        guard isLive(id, now) else { return nil }
        records[id.name]?.session.lastSeenAt = now
        return records[id.name]?.session
    }

    package mutating func update(
        _ id: SessionID,
        data: ByteBuffer,
        ifVersion version: Int64?,
        now: Int64
    ) -> SessionUpdate {
        guard isLive(id, now), var record = records[id.name] else { return .missing }
        if let version, version != record.session.version { return .conflict(version: record.session.version) }
        record.session.data = data
        record.session.version += 1
        record.session.lastSeenAt = now
        records[id.name] = record
        return .updated(version: record.session.version)
    }

    package mutating func extend(_ id: SessionID, ttl: Int64?, now: Int64) -> Int64? {
        guard isLive(id, now), var record = records[id.name] else { return nil }
        record.session.expiresAt = end(ttl ?? record.ttl, createdAt: record.session.createdAt, now)
        record.session.lastSeenAt = now
        records[id.name] = record
        return record.session.expiresAt
    }

    package mutating func delete(_ id: SessionID, now: Int64) -> Bool {
        guard isLive(id, now) else { return false }
        remove(id.name)
        return true
    }

    package mutating func rotate(
        _ id: SessionID,
        to successor: SessionID,
        ttl: Int64?,
        now: Int64
    ) -> SessionRotation {
        guard isCurrent(id.name, now), let record = records[id.name] else { return .missing }
        guard record.secret == id.secret else {
            remove(id.name)
            return .reused(record.session.user)
        }
        records[id.name]?.secret = successor.secret
        guard let end = extend(successor, ttl: ttl, now: now) else { return .missing }
        return .rotated(expiresAt: end)
    }

    package mutating func sessions(of user: String, now: Int64) -> [ListedSession] {
        let live = (names[user] ?? []).filter { isCurrent($0, now) }
        let listed = live.compactMap { name -> ListedSession? in
            guard let record = records[name], let id = SessionID(name: name, storedSecret: record.secret) else {
                return nil
            }
            let session = record.session
            return ListedSession(
                id: id,
                kind: session.kind,
                createdAt: session.createdAt,
                lastSeenAt: session.lastSeenAt,
                expiresAt: session.expiresAt
            )
        }
        return listed.sorted { ($0.createdAt, $0.id.name) < ($1.createdAt, $1.id.name) }
    }

    package mutating func deleteAll(of user: String, now: Int64) -> Int {
        let live = (names[user] ?? []).filter { isCurrent($0, now) }
        for name in live { remove(name) }
        return live.count
    }

    // MARK: Time

    private func end(_ ttl: Int64, createdAt: Int64, _ now: Int64) -> Int64 {
        guard let maximumLifetime else { return now + ttl }
        return min(now + ttl, createdAt + maximumLifetime)
    }

    private mutating func isLive(_ id: SessionID, _ now: Int64) -> Bool {
        isCurrent(id.name, now) && records[id.name]?.secret == id.secret
    }

    /// Whether there is a session of that name whose time is not over; one whose time is over is removed on the way.
    private mutating func isCurrent(_ name: String, _ now: Int64) -> Bool {
        guard let record = records[name] else { return false }
        if record.session.expiresAt > now { return true }
        remove(name)
        return false
    }

    private mutating func remove(_ name: String) {
        guard let record = records.removeValue(forKey: name) else { return }
        let user = record.session.user.text
        names[user]?.remove(name)
        if names[user]?.isEmpty == true { names[user] = nil }
    }

    private mutating func sweep(_ now: Int64) {
        for name in Array(records.keys) { _ = isCurrent(name, now) }
    }
}
