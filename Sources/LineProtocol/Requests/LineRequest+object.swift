internal import JSONText
internal import QueryProxy

extension LineRequest {
    /// Names of the operations, for the message about one that there is not.
    static let operations =
        [
            "query", "explain", "transaction", "get", "set", "delete", "exists", "expire", "invalidate", "ping",
            "hello",
            "stats",
        ] + SessionRequest.operations

    /// Reads a line that begins with `{`.
    init(object bytes: UnsafeRawBufferPointer) throws(LineRequestError) {
        var idMember: RequestObject.Member?
        var id: String?
        do throws(RequestFieldError) {
            var object: RequestObject
            do throws(RequestFieldError) {
                object = try RequestObject(bytes) { member in if member.name == "id" { idMember = member } }
            } catch {
                // The members before the fault were read; the answer to a broken line still carries its id.
                if let idMember, idMember.isIdentifier { id = String(decoding: bytes[idMember.range], as: UTF8.self) }
                throw error
            }
            if let member = object.take("id") {
                guard member.isIdentifier else { throw RequestFieldError("id", must: "a string or a number") }
                id = object.text(member.range)
            }
            let operation = try Self.operation(of: &object)
            if let name = object.unreadName { throw RequestFieldError("unknown field \"\(name)\"") }
            self.init(id: id, operation: operation)
        } catch {
            throw .bad(error.message, id: id)
        }
    }

    private static func operation(of object: inout RequestObject) throws(RequestFieldError) -> Operation {
        let name = try object.string("op")
        switch name {
        case "query": return .proxy(.query(try QueryRequest(&object)))
        case "explain": return .proxy(.explain(try QueryRequest(&object)))
        case "transaction": return .proxy(.transaction(try TransactionRequest(&object)))
        case "invalidate": return .proxy(.invalidate(try InvalidateRequest(&object)))
        case "get", "set", "delete", "exists", "expire": return .proxy(.value(try ValueRequest(name ?? "", &object)))
        case "ping": return .ping
        case "hello": return .hello
        case "stats": return .proxy(.stats)
        case nil: return .proxy(.query(try QueryRequest(&object)))
        case let name?:
            if let request = try SessionRequest(name, &object) { return .proxy(.session(request)) }
            throw RequestFieldError("unknown op \"\(name)\"; there are \(operations.joined(separator: ", "))")
        }
    }
}

extension RequestObject.Member {
    fileprivate var isIdentifier: Bool { kind == .string || kind == .number }
}

extension QueryRequest {
    private static let maximumTags = 100
    private static let maximumNameBytes = 512

    /// Reads the fields of a query; what it leaves unread is unknown.
    fileprivate init(_ object: inout RequestObject, mayWrite: Bool = true) throws(RequestFieldError) {
        guard let sql = try object.string("sql") else {
            throw RequestFieldError("field \"sql\" is missing (or name another operation in \"op\")")
        }
        try self.init(checked: sql)
        parameters = try object.parameters("params") ?? []
        namespace = try object.string("ns")
        if let names = try object.strings("tags") { tags = Set(names.map { ExactText($0) }).map(\.text).sorted() }
        // A tag costs a key in Redis and an entry in every look-up.
        if tags.count > Self.maximumTags {
            throw RequestFieldError("tags", must: "at most \(Self.maximumTags) strings")
        }
        if tags.contains(where: { $0.utf8.count > Self.maximumNameBytes }) {
            throw RequestFieldError("tags", must: "strings of at most \(Self.maximumNameBytes) bytes")
        }
        if let namespace, namespace.utf8.count > Self.maximumNameBytes {
            throw RequestFieldError("ns", must: "at most \(Self.maximumNameBytes) bytes long")
        }
        ttl = try object.number("ttl")
        maximumAge = try object.integer("max_age_ms", minimum: 0)
        if let name = try object.string("consistency") {
            guard let value = Consistency(rawValue: name) else {
                throw RequestFieldError("consistency", must: "\"bounded\" or \"strict\"")
            }
            consistency = value
        }
        usesCache = try object.bool("cache") ?? true
        timeout = try object.integer("timeout_ms", minimum: 1)
        settings = try object.settings("settings") ?? []
        if namespace?.isEmpty == true { throw RequestFieldError("ns", must: "the name of a namespace") }
        guard mayWrite else { return }
        invalidate = try object.strings("invalidate") ?? []
        refresh = try object.reads("refresh") ?? []
    }

    fileprivate init(checked sql: String) throws(RequestFieldError) {
        if sql.holdsNUL { throw RequestFieldError("field \"sql\" holds a NUL character") }
        self.init(sql: sql)
    }
}

extension TransactionRequest {
    fileprivate init(_ object: inout RequestObject) throws(RequestFieldError) {
        guard let objects = try object.objects("statements") else {
            throw RequestFieldError("field \"statements\" is missing")
        }
        if objects.isEmpty { throw RequestFieldError("statements", must: "an array of at least one statement") }
        var statements: [Statement] = []
        for bytes in objects {
            var inner = try RequestObject(bytes)
            guard let sql = try inner.string("sql") else {
                throw RequestFieldError("statement \(statements.count) has no field \"sql\"")
            }
            if sql.holdsNUL { throw RequestFieldError("field \"sql\" holds a NUL character") }
            statements.append(Statement(sql: sql, parameters: try inner.parameters("params") ?? []))
            if let name = inner.unreadName {
                throw RequestFieldError("unknown field \"\(name)\" in statement \(statements.count - 1)")
            }
        }
        self.init(statements: statements)
        if let name = try object.string("isolation") {
            guard let value = Isolation(rawValue: name.lowercased()) else {
                throw RequestFieldError(
                    "isolation",
                    must: "\"read committed\", \"repeatable read\" or \"serializable\""
                )
            }
            isolation = value
        }
        settings = try object.settings("settings") ?? []
        timeout = try object.integer("timeout_ms", minimum: 1)
        invalidate = try object.strings("invalidate") ?? []
        refresh = try object.reads("refresh") ?? []
    }
}

extension InvalidateRequest {
    /// Reads the fields; what it leaves unread is unknown.
    init(_ object: inout RequestObject) throws(RequestFieldError) {
        self.init()
        tags = try object.strings("tags") ?? []
        pattern = try object.string("pattern")
        namespaces = try object.oneOrMore("ns") ?? []
        tables = try object.strings("tables") ?? []
        keys = try object.strings("keys") ?? []
        everything = try object.bool("all") ?? false
        reason = try object.string("reason")
        if pattern?.isEmpty == true { throw RequestFieldError("pattern", must: "a glob that is not empty") }
    }
}

extension RequestObject {
    /// A string, or an array of strings.
    fileprivate mutating func oneOrMore(_ name: String) throws(RequestFieldError) -> [String]? {
        if kind(of: name) == .string { return try string(name).map { [$0] } }
        return try strings(name)
    }

    /// Requests inside a request: reads, with the fields of a query but without those of a write.
    fileprivate mutating func reads(_ name: String) throws(RequestFieldError) -> [QueryRequest]? {
        guard let objects = try objects(name) else { return nil }
        var requests: [QueryRequest] = []
        for bytes in objects {
            var inner = try RequestObject(bytes)
            requests.append(try QueryRequest(&inner, mayWrite: false))
            if let unknown = inner.unreadName {
                throw RequestFieldError("unknown field \"\(unknown)\" in \"\(name)\"")
            }
        }
        return requests
    }
}
