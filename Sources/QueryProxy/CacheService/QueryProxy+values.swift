internal import JSONText
internal import Logging
internal import NIOCore
internal import QueryCache

extension QueryProxy {
    /// A hundred years, as for times in `proxy.conf`.
    private static let maximumSeconds: Double = 36_500 * 86_400

    /// An operation of the cache service: the members of its answer.
    func answer(to request: ValueRequest) async throws -> ByteBuffer {
        switch request {
        case .get(let key): return try await get(try ServiceKey(key))
        case .set(let key, let value, let ttl): return try await set(try ServiceKey(key), value, ttl)
        case .delete(let keys):
            let keys = try keys.map { try ServiceKey($0).text }
            let count = try await values.remove(keys)
            counters.service.count(.deleted, by: count)
            return ByteBuffer(string: "\"ok\":true,\"deleted\":\(count)")
        case .exists(let key):
            let isThere = try await values.contains(try ServiceKey(key).text)
            return ByteBuffer(string: "\"ok\":true,\"exists\":\(isThere)")
        case .expire(let key, let ttl):
            let key = try ServiceKey(key)
            let lifetime = try Self.lifetime(seconds: ttl)
            // As Redis has it: what lives for no time is gone.
            let isUpdated =
                lifetime > 0
                ? try await values.expire(key.text, in: lifetime) : try await values.remove([key.text]) > 0
            return ByteBuffer(string: "\"ok\":true,\"updated\":\(isUpdated)")
        }
    }

    private func get(_ key: ServiceKey) async throws -> ByteBuffer {
        let stored: StoredValue?
        do throws(ValueStoreError) {
            stored = try await values.value(at: key.text)
        } catch {
            guard case .unavailable(let reason) = error else { throw error }
            // Whoever asks goes on without a cache.
            logger.debug("a value was not read", metadata: ["reason": "\(reason)"])
            counters.service.count(.degraded)
            return ByteBuffer(string: "\"ok\":true,\"found\":false,\"degraded\":true")
        }
        guard let stored else {
            counters.service.count(.miss)
            return ByteBuffer(string: "\"ok\":true,\"found\":false")
        }
        if stored.bytes.readableBytes > settings.maximumResultBytes {
            throw ProxyError(.responseTooLarge, "the value is larger than \(settings.maximumResultBytes) bytes")
        }
        var members = ByteBuffer()
        members.reserveCapacity(stored.bytes.readableBytes + 80)
        members.writeStaticString("\"ok\":true,\"found\":true,\"value\":")
        do throws(JSONError) {
            try members.writeStoredJSON(stored.bytes)
        } catch {
            throw ProxyError(.badRequest, "what is stored at \"\(key.text)\" is not JSON: \(error)")
        }
        members.writeStaticString(",\"ttl_ms\":")
        members.writeDecimal(stored.remaining ?? -1)
        counters.service.count(.hit)
        return members
    }

    private func set(_ key: ServiceKey, _ value: ByteBuffer, _ ttl: Double?) async throws -> ByteBuffer {
        let lifetime =
            try ttl.map { try Self.lifetime(seconds: $0) } ?? settings.namespaces.settings(of: key.namespace).ttl
        let limit = settings.maximumValueBytes
        if value.readableBytes > limit {
            throw ProxyError(.requestTooLarge, "the value is larger than \(limit) bytes")
        }
        guard lifetime > 0 else {
            // The older value is not the caller's any more.
            _ = try await values.remove([key.text])
            return ByteBuffer(string: "\"ok\":true,\"stored\":false")
        }
        try await values.store(value, at: key.text, lifetime: lifetime)
        counters.service.count(.stored)
        return ByteBuffer(string: "\"ok\":true,\"stored\":true")
    }

    /// In milliseconds, of which what is above nothing is at least one.
    static func lifetime(seconds: Double) throws(ProxyError) -> Int64 {
        guard seconds <= maximumSeconds else {
            throw ProxyError(.badRequest, "field \"ttl\" must be at most \(Int64(maximumSeconds)) (100 years)")
        }
        return Int64((seconds * 1000).rounded(.up))
    }
}

extension ProxyError {
    init(_ error: ValueStoreError) {
        switch error {
        case .unavailable(let reason): self.init(.cacheUnavailable, "Redis cannot be used: \(reason)")
        case .otherKind:
            self.init(
                .badRequest,
                "what is stored there is no string: another program keeps something else under the key"
            )
        case .tooLarge(let limit):
            self.init(.requestTooLarge, "the value is larger than the memory for values, \(limit) bytes")
        }
    }
}
