internal import Foundation
package import NIOCore
internal import Synchronization

/// Time as sessions see it: milliseconds since 1970.
package protocol SessionClock: Sendable {
    var now: Int64 { get }
}

/// The system's clock.
package struct SystemSessionClock: SessionClock {
    package init() {}

    package var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}

/// Sessions in this process, which end with it.
package final class MemorySessionStore: SessionStore {
    private static let limit = 1_000_000

    private let table: Mutex<SessionTable>
    private let clock: any SessionClock

    /// - Parameter maximumLifetime: in milliseconds; nil for no bound.
    package init(maximumLifetime: Int64?, clock: any SessionClock) {
        table = Mutex(SessionTable(limit: Self.limit, maximumLifetime: maximumLifetime))
        self.clock = clock
    }

    package func create(_ id: SessionID, _ draft: SessionDraft) async throws(SessionStoreError) -> Int64 {
        let now = clock.now
        guard let end = table.withLock({ $0.create(id, draft, now: now) }) else { throw .full(limit: Self.limit) }
        return end
    }

    package func session(_ id: SessionID) async throws(SessionStoreError) -> Session? {
        let now = clock.now
        return table.withLock { $0.session(id, now: now) }
    }

    package func update(
        _ id: SessionID,
        data: ByteBuffer,
        ifVersion version: Int64?
    ) async throws(SessionStoreError) -> SessionUpdate {
        let now = clock.now
        return table.withLock { $0.update(id, data: data, ifVersion: version, now: now) }
    }

    package func extend(_ id: SessionID, ttl: Int64?) async throws(SessionStoreError) -> Int64? {
        let now = clock.now
        return table.withLock { $0.extend(id, ttl: ttl, now: now) }
    }

    package func delete(_ id: SessionID) async throws(SessionStoreError) -> Bool {
        let now = clock.now
        return table.withLock { $0.delete(id, now: now) }
    }

    package func rotate(
        _ id: SessionID,
        to successor: SessionID,
        ttl: Int64?
    ) async throws(SessionStoreError) -> SessionRotation {
        let now = clock.now
        return table.withLock { $0.rotate(id, to: successor, ttl: ttl, now: now) }
    }

    package func sessions(of user: String) async throws(SessionStoreError) -> [ListedSession] {
        let now = clock.now
        return table.withLock { $0.sessions(of: user, now: now) }
    }

    package func deleteAll(of user: String) async throws(SessionStoreError) -> Int {
        let now = clock.now
        return table.withLock { $0.deleteAll(of: user, now: now) }
    }
}
