internal import NIOCore
internal import NIOPosix
package import QueryCache
internal import RedisClient

/// From a miss to the stored entry: generations where they are missing, the lease, the entry, the end of the lease.
extension RedisSharedStore {
    package func prepareFill(
        of key: CacheKey,
        _ tags: TagList,
        current: [Generation?],
        wantsLease: Bool,
        _ body: @escaping @Sendable (Result<FillPreparation, any Error>) -> Void
    ) {
        let eventLoop = callersLoop
        complete(current, tags, on: eventLoop) { result in
            switch result {
            case .success(let generations) where wantsLease && self.hasUseForLeases:
                self.takeLease(key, Lease(generations: generations, token: Generation()), on: eventLoop, body)
            case .success(let generations): body(.success(FillPreparation(generations: generations, lease: .notWanted)))
            case .failure(let error): body(.failure(error))
            }
        }
    }

    private var callersLoop: any EventLoop { MultiThreadedEventLoopGroup.currentEventLoop ?? redis.anyEventLoop }

    private func takeLease(
        _ key: CacheKey,
        _ lease: Lease,
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Result<FillPreparation, any Error>) -> Void
    ) {
        var command = RedisCommand("SET", keys.lease(RedisKeys.leaseName(key, under: lease.generations)))
        command.append(lease.token.bytes)
        for word in ["NX", "PX"] { command.append(word) }
        command.append(max(1, leaseTime.nanoseconds / 1_000_000))
        redis.send([command], on: eventLoop) { result in
            body(
                Result {
                    let reply = try result.get()[0]
                    if let message = reply.errorMessage { throw RedisError(code: .server, message: message) }
                    let state: FillPreparation.LeaseState = reply.isNull ? .taken : .held(lease)
                    return FillPreparation(generations: lease.generations, lease: state)
                }
            )
        }
    }

    /// Creates the generations that are missing.
    private func complete(
        _ current: [Generation?],
        _ tags: TagList,
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Result<[Generation], any Error>) -> Void
    ) {
        let whole = current.compactMap { $0 }
        if whole.count == current.count { return body(.success(whole)) }
        var generations = current
        var commands: [RedisCommand] = []
        var missing: [Int] = []
        for (index, generation) in current.enumerated() where generation == nil {
            let fresh = Generation()
            generations[index] = fresh
            missing.append(index)
            var command = RedisCommand("SET", keys.generation(tags[index]))
            command.append(fresh.bytes)
            for word in ["NX", "GET", "PX"] { command.append(word) }
            command.append(Self.generationLifetime)
            commands.append(command)
        }
        redis.send(commands, on: eventLoop) { [generations, missing] result in
            body(
                Result {
                    var generations = generations
                    for (reply, index) in zip(try result.get(), missing) {
                        if let message = reply.errorMessage { throw RedisError(code: .server, message: message) }
                        // Somebody was faster: his generation is the one.
                        if let earlier = reply.generation { generations[index] = earlier }
                    }
                    return generations.compactMap { $0 }
                }
            )
        }
    }

    package func fill(_ key: CacheKey, _ entry: StoredEntry, lease: Lease?) {
        let length = entry.encodedLength
        var command = keys.command("SET", entry: key, capacity: length)
        command.append(length: length) { entry.write(to: $0) }
        command.append("PX")
        command.append(max(1, entry.lifetime))
        let began = NIODeadline.now()
        let operations = operations
        guard let lease else {
            return redis.send([command], on: callersLoop) { _ in operations.ended(.set, since: began) }
        }
        release(key, lease, after: [command]) { operations.ended(.set, since: began) }
    }

    package func release(_ key: CacheKey, _ lease: Lease) {
        release(key, lease, after: []) {}
    }

    private func release(
        _ key: CacheKey,
        _ lease: Lease,
        after commands: [RedisCommand],
        _ onEnd: @escaping @Sendable () -> Void
    ) {
        let eventLoop = callersLoop
        redis.send(commands + [releaseCommand(.hash, key, lease)], on: eventLoop) { [self] result in
            onEnd()
            guard let replies = try? result.get(), replies.last?.isUnknownScript == true else { return }
            redis.send([releaseCommand(.source, key, lease)], on: eventLoop) { _ in }
        }
    }

    private func releaseCommand(_ form: RedisScript.Form, _ key: CacheKey, _ lease: Lease) -> RedisCommand {
        let name = RedisKeys.leaseName(key, under: lease.generations)
        return RedisScripts.release.command(
            form,
            keys: [keys.lease(name), keys.waiter(name)],
            arguments: [
                lease.token.bytes, ByteBuffer(string: keys.controlChannel), ControlMessage.filled(name).bytes,
            ]
        )
    }

    package func waitForFill(of key: CacheKey, under generations: [Generation]) async {
        let name = RedisKeys.leaseName(key, under: generations)
        // First the ear, then the mark, then the look: a holder who ends between the look and the mark is heard.
        let notice = notices.wait(for: name, atMost: leaseTime)
        var mark = RedisCommand("SET", keys.waiter(name), "1", "PX")
        mark.append(max(1, leaseTime.nanoseconds / 1_000_000))
        guard let replies = try? await redis.send([mark, RedisCommand("EXISTS", keys.lease(name))]),
            replies.last?.integer == 1
        else { return notices.filled(name) }
        try? await notice.get()
    }
}

extension RESPValue {
    fileprivate var isUnknownScript: Bool { errorMessage?.hasPrefix("NOSCRIPT") == true }
}
