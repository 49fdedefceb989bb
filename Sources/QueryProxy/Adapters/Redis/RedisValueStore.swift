package import NIOCore
package import QueryCache
package import RedisClient

/// The cache service's values in Redis, as strings under the caller's keys, so that other programs read and write them with
/// GET, SETEX and DEL.
package final class RedisValueStore: ValueStore {
    private let redis: RedisClient
    private let keys: RedisKeys
    private let shared: RedisSharedStore
    private let operations: CacheOperations

    /// - Parameter shared: while it has invalidations that Redis has not been told of, values are not touched: what one of
    ///   them names must not be given out, and what is set now must not be deleted by it.
    package init(redis: RedisClient, keys: RedisKeys, shared: RedisSharedStore, operations: CacheOperations) {
        self.redis = redis
        self.keys = keys
        self.shared = shared
        self.operations = operations
    }

    package func value(at key: String) async throws(ValueStoreError) -> StoredValue? {
        let name = keys.service(key)
        let replies = try await send([RedisCommand("GET", name), RedisCommand("PTTL", name)], .get)
        guard let bytes = replies[0].bytes else { return nil }
        switch replies[1].integer {
        case -1: return StoredValue(bytes: bytes, remaining: nil)
        // It went in between: its time was over.
        case let remaining?: return StoredValue(bytes: bytes, remaining: max(0, remaining))
        case nil: throw .unavailable("PTTL answered something else")
        }
    }

    package func store(_ value: ByteBuffer, at key: String, lifetime: Int64) async throws(ValueStoreError) {
        var command = RedisCommand("SET", keys.service(key))
        command.append(value)
        command.append("PX")
        command.append(lifetime)
        _ = try await send([command], .set)
    }

    package func remove(_ keys: [String]) async throws(ValueStoreError) -> Int {
        var count: Int64 = 0
        for batch in keys.chunked(by: 500) {
            let names = batch.map { self.keys.service($0) }
            count += try await send([RedisCommand(parts: ["UNLINK"] + names)], .delete)[0].integer ?? 0
        }
        return Int(count)
    }

    package func contains(_ key: String) async throws(ValueStoreError) -> Bool {
        try await send([RedisCommand("EXISTS", keys.service(key))])[0].integer == 1
    }

    package func expire(_ key: String, in lifetime: Int64) async throws(ValueStoreError) -> Bool {
        var command = RedisCommand("PEXPIRE", keys.service(key))
        command.append(lifetime)
        return try await send([command])[0].integer == 1
    }

    package func forget(_ invalidation: Invalidation) {}

    /// As many replies as commands, none of them an error.
    private func send(
        _ commands: [RedisCommand],
        _ operation: CacheOperations.Operation? = nil
    ) async throws(ValueStoreError) -> [RESPValue] {
        guard redis.isAvailable else { throw .unavailable("it is away") }
        guard shared.isUsable else { throw .unavailable("it has not been told of all invalidations yet") }
        let began = NIODeadline.now()
        defer { if let operation { operations.ended(operation, since: began) } }
        let replies: [RESPValue]
        do throws(RedisError) {
            replies = try await redis.send(commands)
        } catch {
            throw .unavailable(error.message)
        }
        if let message = replies.lazy.compactMap(\.errorMessage).first {
            throw message.hasPrefix("WRONGTYPE") ? .otherKind : .unavailable(message)
        }
        guard replies.count == commands.count else { throw .unavailable("an answer is missing") }
        return replies
    }
}
