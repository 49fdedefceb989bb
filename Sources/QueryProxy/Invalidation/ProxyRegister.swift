internal import RedisClient

/// Who runs, as Redis has it entered: a set of origins.
///
/// A proxy that dies between COMMIT and telling Redis is missed by those who heard its heartbeats. When nobody did (it was the
/// only one, or all died together), whoever starts next finds it here, does not hear it, and takes it for vanished. A
/// farewell strikes the entry; so does whoever has invalidated everything in its stead.
///
/// What Redis forgets is entered again with the next heartbeat.
struct ProxyRegister: Sendable {
    let redis: RedisClient
    let key: String
    let origin: String

    /// Enters this proxy.
    ///
    /// - Returns: all that are entered; none where Redis cannot be asked.
    func enter() async -> [String] {
        let commands = [RedisCommand("SADD", key, origin), RedisCommand("SMEMBERS", key)]
        guard let replies = try? await redis.send(commands) else { return [] }
        return replies.last?.elements?.compactMap(\.string) ?? []
    }

    func strike(_ origin: String) async {
        // One that stays costs whoever starts next a new epoch, no more.
        _ = try? await redis.send(RedisCommand("SREM", key, origin))
    }
}
