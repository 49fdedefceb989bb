package import NIOCore

/// Where sessions are kept. They are records, not cache: nobody keeps a copy, and what cannot be asked is an error.
///
/// Each call is one step: no other call sees half of it, and it happens whole or not at all.
///
/// - A session lives if and only if it is in its user's index, so that it can neither be missed by ``sessions(of:)`` and
///   ``deleteAll(of:)`` nor outlive them.
/// - It ends at `expiresAt`, which is never later than the store's longest lifetime after its creation.
/// - An id whose secret is not the present one is answered like one that never was, but for ``rotate``.
package protocol SessionStore: Sendable {
    /// - Returns: when it expires.
    func create(_ id: SessionID, _ draft: SessionDraft) async throws(SessionStoreError) -> Int64

    /// Marks it as seen, too. Nil where there is none.
    func session(_ id: SessionID) async throws(SessionStoreError) -> Session?

    /// Replaces the data, where `version` is given only if it is the present one. Marks the session as seen.
    func update(
        _ id: SessionID,
        data: ByteBuffer,
        ifVersion version: Int64?
    ) async throws(SessionStoreError) -> SessionUpdate

    /// Lets it live for so long from now, in milliseconds, without a time for as long as it was made for. Marks it as seen.
    ///
    /// - Returns: when it expires; nil where there is none.
    func extend(_ id: SessionID, ttl: Int64?) async throws(SessionStoreError) -> Int64?

    /// - Returns: whether there was one.
    func delete(_ id: SessionID) async throws(SessionStoreError) -> Bool

    /// Replaces an id by its successor, and extends the session. The user, the data and the creation stay.
    func rotate(
        _ id: SessionID,
        to successor: SessionID,
        ttl: Int64?
    ) async throws(SessionStoreError) -> SessionRotation

    /// A user's live sessions, the oldest first.
    func sessions(of user: String) async throws(SessionStoreError) -> [ListedSession]

    /// - Returns: how many there were.
    func deleteAll(of user: String) async throws(SessionStoreError) -> Int
}

package enum SessionStoreError: Error, Sendable, Equatable {
    /// The store cannot be reached, or refuses to work. Whether a change was made is not known.
    case unavailable(String)
    /// It holds as many sessions as it may.
    case full(limit: Int)
}

/// Each of these keeps the store's promises under races. They are always on; tests switch one off to see that its absence
/// is noticed.
package struct SessionGuards: Sendable {
    /// The version is compared and the data replaced in one step.
    package var comparesInOneStep = true
    /// A session and its place in the index are made in one step, and it lives only while it has the place.
    package var indexesInOneStep = true

    package init() {}
}
