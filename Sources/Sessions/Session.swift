package import NIOCore

/// Whose a session is. Callers name users by a string or by a number, and get the same back; `42` and `"42"` are one user.
package struct SessionUser: Hashable, Sendable {
    package let text: String
    package let isNumber: Bool

    package init(_ text: String, isNumber: Bool = false) {
        self.text = text
        self.isNumber = isNumber
    }
}

/// A session as it is stored. Times are milliseconds since 1970 by the store's clock.
package struct Session: Sendable, Equatable {
    package var user: SessionUser
    package var kind: String
    package var createdAt: Int64
    package var lastSeenAt: Int64
    package var expiresAt: Int64
    /// From 1, one more with each change of the data.
    package var version: Int64
    /// JSON, as the caller wrote it.
    package var data: ByteBuffer

    package init(
        user: SessionUser,
        kind: String,
        createdAt: Int64,
        lastSeenAt: Int64,
        expiresAt: Int64,
        version: Int64,
        data: ByteBuffer
    ) {
        self.user = user
        self.kind = kind
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
        self.version = version
        self.data = data
    }
}

/// What a new session begins with.
package struct SessionDraft: Sendable, Equatable {
    package var user: SessionUser
    package var kind: String
    package var data: ByteBuffer
    /// Milliseconds; the session remembers it for when it is extended.
    package var ttl: Int64

    package init(user: SessionUser, kind: String, data: ByteBuffer, ttl: Int64) {
        self.user = user
        self.kind = kind
        self.data = data
        self.ttl = ttl
    }
}

/// One line of a user's list.
package struct ListedSession: Sendable, Equatable {
    package var id: SessionID
    package var kind: String
    package var createdAt: Int64
    package var lastSeenAt: Int64
    package var expiresAt: Int64

    package init(id: SessionID, kind: String, createdAt: Int64, lastSeenAt: Int64, expiresAt: Int64) {
        self.id = id
        self.kind = kind
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
    }
}

package enum SessionUpdate: Sendable, Equatable {
    case updated(version: Int64)
    /// The caller's version is not the present one.
    case conflict(version: Int64)
    case missing
}

package enum SessionRotation: Sendable, Equatable {
    case rotated(expiresAt: Int64)
    /// The id had been replaced before: somebody else may hold its successor. The session has been ended.
    case reused(SessionUser)
    case missing
}
