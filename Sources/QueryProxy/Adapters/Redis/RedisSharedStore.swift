package import Logging
package import NIOCore
internal import NIOPosix
package import QueryCache
package import RedisClient
internal import Synchronization

/// Entries and generations in Redis.
///
/// An invalidation that Redis could not be told waits in a queue, and as long as one waits nothing is read from Redis:
/// ``isUsable`` is false from before the write is answered until Redis has been told. ``run()`` tells it.
///
/// Every new connection first makes sure that the epoch belongs to this run of the server (``introduction(keys:)``), so
/// that nothing is read from a server that has been restarted from an old state, before everything in it has been declared stale.
package final class RedisSharedStore: SharedStore {
    /// A generation that nobody has renewed or created for so long is forgotten; what was stored under it is then stale.
    static let generationLifetime: Int64 = 7 * 86_400_000

    let redis: RedisClient
    let keys: RedisKeys
    /// How long a lease lasts, and how long others wait for its holder.
    let leaseTime: TimeAmount
    private let publisher: InvalidationPublisher
    private let guards: QueryCacheGuards
    let operations: CacheOperations
    let notices: FillNotices
    private let logger: Logger
    private let pending = Mutex(PendingInvalidations())
    /// Set while ``pending`` holds anything.
    private let isBehind = Atomic<Bool>(false)
    /// Set while Redis answers invalidations with errors.
    private let isRefused = Atomic<Bool>(false)
    private let isAlone = Atomic<Bool>(false)
    private let signals = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init(
        redis: RedisClient,
        keys: RedisKeys,
        leaseTime: TimeAmount,
        publisher: InvalidationPublisher,
        guards: QueryCacheGuards = QueryCacheGuards(),
        operations: CacheOperations = CacheOperations(),
        eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) {
        self.redis = redis
        self.keys = keys
        self.leaseTime = leaseTime
        self.publisher = publisher
        self.guards = guards
        self.operations = operations
        self.notices = FillNotices(eventLoopGroup)
        self.logger = logger
    }

    /// What every connection says before it is used.
    package static func introduction(keys: RedisKeys) -> @Sendable (RedisServerIdentity) -> [RedisCommand] {
        { identity in
            let claim = RedisScripts.claim.command(
                .source,
                keys: [keys.server, keys.generation(.epoch)],
                arguments: [
                    ByteBuffer(string: "\(identity.runID) \(identity.replicationID)"), Generation().bytes,
                    ByteBuffer(string: String(generationLifetime)),
                ]
            )
            return [claim]
        }
    }

    /// No other proxy is heard, or some may be. One that begins is heard at once.
    func becameAlone(_ isAlone: Bool) {
        self.isAlone.store(isAlone, ordering: .relaxed)
    }

    // MARK: Reading

    package var isUsable: Bool { redis.isAvailable && !isBehind.load(ordering: .acquiring) }

    /// Alone, it would keep the right from nobody.
    package var hasUseForLeases: Bool { !isAlone.load(ordering: .relaxed) }

    /// Whether invalidations wait that Redis has not been told of.
    var isBehindRedis: Bool { isBehind.load(ordering: .acquiring) }

    /// Names of which Redis has not been told that they are invalidated.
    package var waitingInvalidations: Int { pending.withLock { $0.count } }

    package func read(_ key: CacheKey, _ tags: TagList) async throws -> SharedRead {
        let began = NIODeadline.now()
        let replies = try await redis.send(RedisQuestion.commands(key, tags, keys))
        operations.ended(.get, since: began)
        return try SharedRead(replies, tags: tags.count)
    }

    package func question(_ key: CacheKey, _ tags: TagList) -> any SharedQuestion {
        RedisQuestion(key, tags, keys, redis, operations)
    }

    // MARK: Invalidating

    package func invalidate(_ invalidation: Invalidation, renewing generations: [Tag: Generation]) async -> Bool {
        if isUsable {
            do {
                return try await operations.timed(.delete) { try await tell(invalidation, generations) }
            } catch {
                failedToTell(error)
            }
        }
        requeue(invalidation)
        return false
    }

    /// - Returns: whether the other proxies hear of it as well, as far as that is known.
    private func tell(_ invalidation: Invalidation, _ new: [Tag: Generation] = [:]) async throws -> Bool {
        var generations = invalidation.tags.map { (keys.generation($0), new[$0] ?? Generation()) }
        for pattern in invalidation.patterns {
            // A tag that is created while the scan runs was created after the write.
            try await scan(keys.userGenerations(matching: pattern)) { page in
                generations += page.compactMap(\.string).map { ($0, Generation()) }
            }
        }
        try await renew(generations)
        if isRefused.exchange(false, ordering: .acquiringAndReleasing) {
            logger.notice("Redis takes invalidations again")
        }
        // Whoever published it has seen to the keys of the cache service too.
        if invalidation.isPublished { return true }
        await deleteValues(invalidation)
        // Only now: a proxy that hears of it must not find the old generations in Redis any more.
        return await publish(invalidation)
    }

    /// What is lost on the way waits in the queue. What Redis refuses to publish does not: the generations are renewed, so
    /// that what Redis holds can be read, and trying again changes nothing until somebody grants the right. Other proxies
    /// miss a number at the next heartbeat, and empty their memory.
    private func publish(_ invalidation: Invalidation) async -> Bool {
        let end: @Sendable (InvalidationPublisher.Outcome) -> Void = { outcome in
            if outcome == .lost { self.requeue(invalidation) }
        }
        switch publisher.standing {
        case .open:
            publisher.publish(invalidation, onEnd: end)
            return true
        case .refused:
            publisher.publish(invalidation, onEnd: end)
            return false
        case .unknown:
            return await withCheckedContinuation { continuation in
                publisher.publish(invalidation) { outcome in
                    end(outcome)
                    continuation.resume(returning: outcome == .sent)
                }
            }
        }
    }

    /// Says so once when Redis begins to refuse what it is told.
    private func failedToTell(_ error: any Error) {
        logger.debug("Redis was not told of an invalidation", metadata: ["reason": "\(error)"])
        guard let error = error as? RedisError, error.code == .server else { return }
        if isRefused.exchange(true, ordering: .acquiringAndReleasing) { return }
        logger.warning(
            "Redis refuses invalidations: nothing is read from it until it takes them",
            metadata: [
                "reason": "\(error.message)",
                "grant": "+set +get +scan +unlink ~\(keys.prefix)cistern:*",
            ]
        )
    }

    private func renew(_ generations: [(name: String, new: Generation)]) async throws {
        let commands = generations.map { name, new in
            var command = RedisCommand("SET", name)
            command.append(new.bytes)
            command.append("PX")
            command.append(Self.generationLifetime)
            return command
        }
        for batch in commands.chunked(by: 1000) {
            let errors = try await redis.send(batch).compactMap(\.errorMessage)
            guard let error = errors.first else { continue }
            guard error.hasPrefix("OOM") else { throw RedisError(code: .server, message: error) }
            // Redis has no memory to write with, but it can still forget: a generation that is missing fits no entry.
            for batch in generations.chunked(by: 500) {
                _ = try await redis.send(RedisCommand(parts: ["UNLINK"] + batch.map(\.name)))
            }
            return
        }
    }

    /// Values of the cache service under the same names. They are no entries: when they cannot be deleted (the user may
    /// have no right to them) that is said in the log, and they end with their time to live.
    private func deleteValues(_ invalidation: Invalidation) async {
        do {
            let named = (invalidation.keys + invalidation.tags.compactMap(\.userName)).map { keys.service($0) }
            try await unlink(named.filter(keys.isService).map { ByteBuffer(string: $0) })
            for pattern in invalidation.patterns where Glob(pattern).namesNamespace {
                try await scan(keys.serviceKeys(matching: pattern)) { page in
                    try await unlink(page.filter { $0.string.map(keys.isService) ?? false }.compactMap(\.bytes))
                }
            }
        } catch {
            logger.warning("values of the cache service were not deleted", metadata: ["reason": "\(error)"])
        }
    }

    /// By their bytes: other services' keys need not be UTF-8.
    private func unlink(_ names: [ByteBuffer]) async throws {
        for batch in names.chunked(by: 500) { _ = try await redis.send(RedisCommand("UNLINK", batch)) }
    }

    /// Goes over all keys that match a glob, a page at a time, without ever holding Redis up. A key may come twice.
    private func scan(_ glob: String, _ body: ([RESPValue]) async throws -> Void) async throws {
        var cursor = "0"
        repeat {
            let command = RedisCommand("SCAN", cursor, "MATCH", glob, "COUNT", "1000")
            let parts = try await redis.send(command).elements ?? []
            guard parts.count == 2, let next = parts[0].string else {
                throw RedisError(code: .server, message: "SCAN answered something else")
            }
            cursor = next
            if let page = parts[1].elements, !page.isEmpty { try await body(page) }
        } while cursor != "0"
    }

    /// Somebody has not been told: Redis is away, or the connection broke.
    private func requeue(_ invalidation: Invalidation) {
        guard guards.queuesInvalidations else { return }
        pending.withLock { pending in
            pending.add(invalidation)
            isBehind.store(true, ordering: .releasing)
        }
        signals.continuation.yield()
    }

    /// Tells Redis what it has not been told, as soon as it can be reached.
    package func run() async {
        for await _ in signals.stream {
            var pause = Duration.milliseconds(20)
            while isBehind.load(ordering: .acquiring), !Task.isCancelled {
                if redis.isAvailable, await catchUp() { break }
                // What it refuses it will most likely refuse again.
                pause = isRefused.load(ordering: .acquiring) ? min(pause * 2, .seconds(1)) : .milliseconds(20)
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func catchUp() async -> Bool {
        let invalidation = pending.withLock { $0.takeAll() }
        do {
            if !invalidation.isEmpty { _ = try await tell(invalidation) }
        } catch {
            failedToTell(error)
            pending.withLock { $0.add(invalidation) }
            return false
        }
        return pending.withLock { pending in
            guard pending.isEmpty else { return false }
            isBehind.store(false, ordering: .releasing)
            return true
        }
    }
}

extension Tag {
    /// A caller's tag names a key of the cache service too.
    var userName: String? { if case .user(let name) = self { name } else { nil } }
}

extension Array {
    func chunked(by size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
