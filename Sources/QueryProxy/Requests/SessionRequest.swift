package import NIOCore

/// What a caller wants of sessions. Times to live are in seconds; without one, that of the session's kind or making.
package enum SessionRequest: Sendable, Equatable {
    /// Users are named by a string or a whole number; `text` holds the number's digits.
    package struct User: Sendable, Equatable {
        package var text: String
        package var isNumber: Bool

        package init(_ text: String, isNumber: Bool = false) {
            self.text = text
            self.isNumber = isNumber
        }
    }

    /// `data` is JSON as it was written, an empty object where there is none; `kind` names a namespace of the TTL table.
    case create(User, kind: String?, data: ByteBuffer?, ttl: Double?)
    case get(id: String)
    case update(id: String, data: ByteBuffer, version: Int64?)
    case extend(id: String, ttl: Double?)
    case delete(id: String)
    case rotate(id: String, ttl: Double?)
    case list(User)
    case deleteUser(User)
}
