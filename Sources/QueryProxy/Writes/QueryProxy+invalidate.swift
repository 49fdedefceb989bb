internal import JSONText
internal import NIOCore
internal import QueryCache

extension QueryProxy {
    /// Drops what the caller names, here and on every proxy.
    func invalidate(_ request: InvalidateRequest) async throws -> ByteBuffer {
        if request.isEmpty {
            throw ProxyError(
                .badRequest,
                "name what to drop: \"tags\", \"pattern\", \"ns\", \"tables\", \"keys\" or \"all\""
            )
        }
        var invalidation = Invalidation(tags: [], reason: request.reason)
        if request.everything { invalidation.tags.insert(.epoch) }
        for tag in request.tags { invalidation.tags.insert(.user(tag)) }
        for namespace in request.namespaces { invalidation.tags.insert(.namespace(namespace)) }
        invalidation.tags.formUnion(Tag.changes(to: request.tables.map(Self.qualified)))
        if let pattern = request.pattern { invalidation.patterns = [pattern] }
        invalidation.keys = request.keys
        let isComplete = await drop(invalidation)
        var object = ByteBuffer(string: "\"ok\":true,\"invalidated\":{\"tables\":")
        object.writeJSONStrings(request.everything ? ["*"] : request.tables.map(Self.qualified))
        object.writeStaticString(",\"tags\":")
        object.writeJSONStrings(request.tags)
        object.writeStaticString(",\"ns\":")
        object.writeJSONStrings(request.namespaces)
        object.writeStaticString(",\"keys\":")
        object.writeJSONStrings(request.keys)
        if let pattern = request.pattern {
            object.writeStaticString(",\"pattern\":")
            object.writeJSONString(pattern)
        }
        object.writeString(",\"all\":\(request.everything),\"complete\":\(isComplete)}")
        return object
    }

    /// Drops entries, and values that are not kept in Redis.
    ///
    /// - Returns: false where Redis could not be told; it is told first thing when it is back.
    func drop(_ invalidation: Invalidation) async -> Bool {
        values.forget(invalidation)
        return await cache.invalidate(invalidation)
    }

    /// A name without a schema means the one that PostgreSQL would look into first by default.
    private static func qualified(_ table: String) -> String {
        table.contains(".") ? table : "public." + table
    }
}
