internal import JSONText
internal import QueryProxy

extension SessionRequest {
    static let operations = [
        "session.create", "session.get", "session.update", "session.extend", "session.delete", "session.rotate",
        "session.list", "session.delete_user",
    ]
    private static let maximumUserBytes = 512

    /// Reads the fields of an operation on sessions; nil where there is no such operation.
    init?(_ operation: String, _ object: inout RequestObject) throws(RequestFieldError) {
        switch operation {
        case "session.create":
            self = .create(
                try Self.user(&object),
                kind: try object.string("kind"),
                data: object.json("data"),
                ttl: try object.number("ttl")
            )
        case "session.get": self = .get(id: try object.required("session_id"))
        case "session.update":
            let id = try object.required("session_id")
            guard let data = object.json("data") else { throw RequestFieldError("field \"data\" is missing") }
            self = .update(id: id, data: data, version: try object.integer("version", minimum: 1).map { Int64($0) })
        case "session.extend": self = .extend(id: try object.required("session_id"), ttl: try object.number("ttl"))
        case "session.delete": self = .delete(id: try object.required("session_id"))
        case "session.rotate": self = .rotate(id: try object.required("session_id"), ttl: try object.number("ttl"))
        case "session.list": self = .list(try Self.user(&object))
        case "session.delete_user": self = .deleteUser(try Self.user(&object))
        default: return nil
        }
    }

    private static func user(_ object: inout RequestObject) throws(RequestFieldError) -> User {
        let user: User
        switch object.kind(of: "user_id") {
        case nil: throw RequestFieldError("field \"user_id\" is missing")
        case .number:
            guard let member = object.take("user_id"), let number = Int64(object.text(member.range)) else {
                throw RequestFieldError("user_id", must: "a string or a whole number")
            }
            user = User(String(number), isNumber: true)
        case .string: user = User(try object.required("user_id"))
        case .object, .array, .boolean, .null: throw RequestFieldError("user_id", must: "a string or a whole number")
        }
        if user.text.isEmpty || user.text.utf8.count > maximumUserBytes || user.text.holdsNUL {
            throw RequestFieldError("user_id", must: "1 to \(maximumUserBytes) bytes long, without NUL characters")
        }
        return user
    }
}
