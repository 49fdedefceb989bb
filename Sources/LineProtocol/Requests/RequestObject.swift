internal import JSONText

/// The members of a request line's object, each checked to be JSON and not read any further yet.
///
/// Invariants: no two members have the same name; every range lies inside the text.
struct RequestObject: ~Copyable {
    struct Member {
        let name: String
        let kind: JSONKind
        let range: Range<Int>
        var wasRead = false
    }

    private let bytes: UnsafeRawBufferPointer
    private var members: [Member]
    /// Members that nobody asked for yet.
    private var unread = 0

    /// Reads the object's outline. Every member is shown to `onMember` as it comes, so that its caller knows the `id` even
    /// of a line whose end is broken.
    init(_ bytes: UnsafeRawBufferPointer, onMember: (Member) -> Void = { _ in }) throws(RequestFieldError) {
        self.bytes = bytes
        members = []
        members.reserveCapacity(4)
        var duplicate: String?
        do throws(JSONError) {
            var reader = JSONReader(bytes)
            try reader.beginObject()
            while let name = try reader.nextKey() {
                let kind = try reader.peek()
                let member = Member(name: name, kind: kind, range: try reader.skipValue())
                if members.contains(where: { $0.name == name }) {
                    duplicate = duplicate ?? name
                } else {
                    members.append(member)
                    onMember(member)
                }
            }
            try reader.finish()
        } catch {
            throw RequestFieldError("the line is not a JSON object: \(error)")
        }
        unread = members.count
        if let duplicate { throw RequestFieldError("field \"\(duplicate)\" is there twice") }
    }

    /// The first member that nobody asked for.
    var unreadName: String? { members.first { !$0.wasRead }?.name }

    func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    func kind(of name: String) -> JSONKind? {
        members.first { $0.name == name }?.kind
    }

    mutating func take(_ name: String) -> Member? {
        // Most fields are left out of most requests.
        if unread == 0 { return nil }
        guard let index = members.firstIndex(where: { $0.name == name }), !members[index].wasRead else { return nil }
        members[index].wasRead = true
        unread -= 1
        return members[index]
    }
}

/// What is wrong with a field, for the client.
struct RequestFieldError: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    init(_ name: String, must what: String) {
        message = "field \"\(name)\" must be \(what)"
    }
}
