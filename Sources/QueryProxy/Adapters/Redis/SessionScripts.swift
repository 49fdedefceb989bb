internal import RedisClient

// What happens to sessions in Redis, one script for each call, so that nobody sees half of it.
//
// A session is a hash under its name; its user's index is a sorted set of names by the time of their end.
//
// - A session lives if and only if its hash is there, its user's index has its name, and the longest lifetime is not over.
//   A hash without a place in the index (the index was evicted, say) is removed by whoever meets it: it fails closed.
// - Every script that changes an index takes out what has ended, and lets the index end with its last session.
// - Times are Redis's own, in milliseconds, so that proxies whose clocks differ agree. Redis gives a script one moment.
// - Keys that only the hash tells (the user's index) are made in the script: Redis Cluster is not spoken to anyway.
enum SessionScripts {
    /// ARGV[1]: the name; ARGV[2]: the secret; ARGV[3]: what index keys begin with; ARGV[4]: the longest lifetime in ms, or 0.
    /// KEYS[1]: the session's hash.
    private static let prologue = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local function digits(number) return string.format('%.0f', number) end
        local function settle(index)
            redis.call('ZREMRANGEBYSCORE', index, '-inf', digits(now))
            local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')
            if last[2] then redis.call('PEXPIREAT', index, digits(tonumber(last[2]))) end
        end
        local function ends(created, ttl, longest)
            local last = now + ttl
            if longest > 0 and created + longest < last then last = created + longest end
            return last
        end

        """

    private static let finding = """
        local function find(key, name, prefix, longest)
            local found = redis.call('HMGET', key, 'secret', 'user', 'created', 'ttl')
            if not found[1] then return nil end
            local session = {
                secret = found[1], user = found[2], created = tonumber(found[3]), ttl = tonumber(found[4]),
                index = prefix .. found[2]
            }
            local last = redis.call('ZSCORE', session.index, name)
            if last and tonumber(last) > now and (longest == 0 or session.created + longest > now) then
                return session
            end
            redis.call('UNLINK', key)
            redis.call('ZREM', session.index, name)
            return nil
        end
        local function extend(key, name, session, ttl, longest)
            local last = ends(session.created, ttl, longest)
            redis.call('HSET', key, 'seen', digits(now), 'expires', digits(last))
            redis.call('PEXPIREAT', key, digits(last))
            redis.call('ZADD', session.index, digits(last), name)
            settle(session.index)
            return last
        end
        local name, secret, prefix, longest = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
        local session = find(KEYS[1], name, prefix, longest)

        """

    /// KEYS: hash, index. ARGV: name, longest lifetime, ttl, then fields and values of the hash. Returns the end.
    static let create = RedisScript(
        prologue + """
            local last = ends(now, tonumber(ARGV[3]), tonumber(ARGV[2]))
            redis.call('HSET', KEYS[1], 'created', digits(now), 'seen', digits(now), 'expires', digits(last),
                'ttl', ARGV[3], 'version', '1', unpack(ARGV, 4))
            redis.call('PEXPIREAT', KEYS[1], digits(last))
            redis.call('ZADD', KEYS[2], digits(last), ARGV[1])
            settle(KEYS[2])
            return digits(last)
            """
    )

    /// Returns user, number, kind, created, seen, expires, version, data; or nothing.
    static let get = RedisScript(
        prologue + finding + """
            if not session or session.secret ~= secret then return false end
            redis.call('HSET', KEYS[1], 'seen', digits(now))
            return redis.call('HMGET', KEYS[1], 'user', 'number', 'kind', 'created', 'seen', 'expires', 'version', 'data')
            """
    )

    /// ARGV[5]: data; ARGV[6]: the version that it must have, or nothing. Returns {outcome, version}.
    static let update = RedisScript(
        prologue + finding + """
            if not session or session.secret ~= secret then return {'missing'} end
            local version = redis.call('HGET', KEYS[1], 'version')
            if ARGV[6] ~= '' and ARGV[6] ~= version then return {'conflict', version} end
            redis.call('HSET', KEYS[1], 'data', ARGV[5], 'seen', digits(now))
            return {'updated', digits(redis.call('HINCRBY', KEYS[1], 'version', 1))}
            """
    )

    /// ARGV[5]: for how long, in ms, or nothing. Returns the end, or nothing.
    static let extend = RedisScript(
        prologue + finding + """
            if not session or session.secret ~= secret then return false end
            return digits(extend(KEYS[1], name, session, tonumber(ARGV[5]) or session.ttl, longest))
            """
    )

    /// Returns how many there were.
    static let delete = RedisScript(
        prologue + finding + """
            if not session or session.secret ~= secret then return 0 end
            redis.call('UNLINK', KEYS[1])
            redis.call('ZREM', session.index, name)
            settle(session.index)
            return 1
            """
    )

    /// ARGV[5]: for how long, in ms, or nothing; ARGV[6]: the new secret. Returns {outcome, end}, or {'reused', user, number}.
    static let rotate = RedisScript(
        prologue + finding + """
            if not session then return {'missing'} end
            if session.secret ~= secret then
                local number = redis.call('HGET', KEYS[1], 'number')
                redis.call('UNLINK', KEYS[1])
                redis.call('ZREM', session.index, name)
                settle(session.index)
                return {'reused', session.user, number}
            end
            redis.call('HSET', KEYS[1], 'secret', ARGV[6])
            return {'rotated', digits(extend(KEYS[1], name, session, tonumber(ARGV[5]) or session.ttl, longest))}
            """
    )

    /// A page of a user's sessions, those that end last first. KEYS: index. ARGV: what hashes' keys begin with, longest
    /// lifetime, offset, how many. Returns how many names the page had and how many
    /// of them are still in the index, then name, secret, kind, created, seen, expires of each.
    static let list = RedisScript(
        prologue + """
            redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
            local longest = tonumber(ARGV[2])
            local names = redis.call('ZREVRANGE', KEYS[1], ARGV[3], ARGV[3] + ARGV[4] - 1)
            local lines = {#names, #names}
            for _, name in ipairs(names) do
                local found = redis.call('HMGET', ARGV[1] .. name, 'secret', 'kind', 'created', 'seen', 'expires')
                if found[1] and (longest == 0 or found[3] + longest > now) then
                    lines[#lines + 1] = {name, unpack(found)}
                elseif not found[1] then
                    lines[2] = lines[2] - redis.call('ZREM', KEYS[1], name)
                end
            end
            return lines
            """
    )

    /// Ends so many of a user's sessions. KEYS: index. ARGV: what hashes' keys begin with, longest lifetime, how many at
    /// most. Returns how many names were in the index, and how many of them were live sessions.
    static let deleteUser = RedisScript(
        prologue + """
            redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
            local longest = tonumber(ARGV[2])
            local popped = redis.call('ZPOPMIN', KEYS[1], ARGV[3])
            local count = 0
            for place = 1, #popped, 2 do
                local key = ARGV[1] .. popped[place]
                local created = redis.call('HGET', key, 'created')
                if created and (longest == 0 or created + longest > now) then count = count + 1 end
                redis.call('UNLINK', key)
            end
            return {#popped / 2, count}
            """
    )
}
