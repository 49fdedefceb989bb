internal import NIOCore
internal import QueryProxy

extension ValueRequest {
    /// Reads the fields of an operation of the cache service.
    init(_ operation: String, _ object: inout RequestObject) throws(RequestFieldError) {
        switch operation {
        case "get": self = .get(key: try object.required("key"))
        case "set":
            let key = try object.required("key")
            guard let value = object.json("value") else { throw RequestFieldError("field \"value\" is missing") }
            self = .set(key: key, value: value, ttl: try object.number("ttl"))
        case "delete":
            let key = try object.string("key")
            let keys = try object.strings("keys")
            switch (key, keys) {
            case (let key?, nil): self = .delete(keys: [key])
            case (nil, let keys?) where !keys.isEmpty: self = .delete(keys: keys)
            default: throw RequestFieldError("name one key in \"key\", or some in \"keys\"")
            }
        case "exists": self = .exists(key: try object.required("key"))
        default:
            let key = try object.required("key")
            guard let ttl = try object.number("ttl") else { throw RequestFieldError("field \"ttl\" is missing") }
            self = .expire(key: key, ttl: ttl)
        }
    }
}

extension RequestObject {
    mutating func required(_ name: String) throws(RequestFieldError) -> String {
        guard let text = try string(name) else { throw RequestFieldError("field \"\(name)\" is missing") }
        return text
    }

    /// Any value, byte for byte as it was written.
    mutating func json(_ name: String) -> ByteBuffer? {
        take(name).map { ByteBuffer(bytes: slice($0.range)) }
    }
}
