internal import RedisClient

/// What has to happen in Redis in one step.
enum RedisScripts {
    /// Gives a lease back if it is still the caller's, and tells those who wait for it.
    ///
    /// KEYS: lease, waiter. ARGV: token, control channel, notice.
    static let release = RedisScript(
        """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        redis.call('DEL', KEYS[1])
        if redis.call('DEL', KEYS[2]) == 1 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
        return 1
        """
    )

    /// Begins a new epoch if the server is another than the one that the present epoch was begun on: after a restart or
    /// a failover it may have forgotten invalidations, and what it holds cannot be trusted.
    ///
    /// KEYS: server, the epoch's generation. ARGV: the server's identity, a fresh generation, its lifetime in ms.
    static let claim = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
        redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
        redis.call('SET', KEYS[1], ARGV[1])
        return 1
        """
    )
}
