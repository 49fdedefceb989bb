internal import NIOCore
internal import QueryCache
internal import RedisClient

/// The commands that read an entry and its tags' generations, encoded once.
final class RedisQuestion: SharedQuestion {
    private let batch: RedisBatch
    private let tagCount: Int
    private let redis: RedisClient
    private let operations: CacheOperations

    init(_ key: CacheKey, _ tags: TagList, _ keys: RedisKeys, _ redis: RedisClient, _ operations: CacheOperations) {
        batch = RedisBatch(Self.commands(key, tags, keys))
        tagCount = tags.count
        self.redis = redis
        self.operations = operations
    }

    static func commands(_ key: CacheKey, _ tags: TagList, _ keys: RedisKeys) -> [RedisCommand] {
        let entryKey = keys.entry(key)
        var command = RedisCommand("MGET", entryKey)
        for tag in tags { command.append(keys.generation(tag)) }
        // The time that is left is asked for first: should the entry be replaced in between, the new one is taken for
        // older than it is, never for younger.
        return [RedisCommand("PTTL", entryKey), command]
    }

    func prefetch() { batch.prefetch() }

    func ask(on eventLoop: any EventLoop, _ body: @escaping @Sendable (Result<SharedRead, any Error>) -> Void) {
        let began = NIODeadline.now()
        redis.send(batch, on: eventLoop) { [tagCount, operations] result in
            operations.ended(.get, since: began)
            body(Result { try SharedRead(result.get(), tags: tagCount) })
        }
    }
}

extension SharedRead {
    /// - Throws: where Redis answered something else.
    init(_ replies: [RESPValue], tags: Int) throws(RedisError) {
        guard replies.count == 2, let values = replies[1].elements, values.count == tags + 1 else {
            throw RedisError(code: .server, message: replies.last?.errorMessage ?? "MGET answered something else")
        }
        self.init(
            entry: values[0].bytes,
            remaining: replies[0].integer.flatMap { $0 >= 0 ? $0 : nil },
            generations: values.dropFirst().map { $0.generation }
        )
    }
}

extension RESPValue {
    var generation: Generation? {
        guard var bytes, bytes.readableBytes == Generation.length else { return nil }
        return Generation(from: &bytes)
    }
}
