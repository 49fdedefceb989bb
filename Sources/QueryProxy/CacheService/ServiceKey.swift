internal import NIOCore

/// A key of the cache service that may be used: `namespace:rest`, and none of Cistern's own.
struct ServiceKey: Sendable, Equatable {
    /// In bytes.
    static let maximumLength = 1024
    /// Everything that Cistern itself keeps in Redis is called so: entries, generations, leases, sessions.
    static let reservedNamespace = "cistern"

    let text: String
    /// What stands before the first colon.
    let namespace: String

    /// - Throws: `bad_request` with what is wrong with the key.
    init(_ text: String) throws(ProxyError) {
        let bytes = text.utf8
        // By bytes: a colon with a combining character behind it is one character to Swift, but a colon to Redis.
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > bytes.startIndex,
            bytes.index(after: colon) < bytes.endIndex
        else {
            throw ProxyError(.badRequest, "a key must have a namespace, as in \"product:42\"")
        }
        if bytes.count > Self.maximumLength {
            throw ProxyError(.badRequest, "a key must not be longer than \(Self.maximumLength) bytes")
        }
        if bytes.contains(0) { throw ProxyError(.badRequest, "a key must not hold a NUL character") }
        self.text = text
        namespace = String(text[..<colon])
        if namespace.utf8.elementsEqual(Self.reservedNamespace.utf8) {
            throw ProxyError(.badRequest, "keys of the namespace \"\(Self.reservedNamespace)\" are Cistern's own")
        }
    }
}
