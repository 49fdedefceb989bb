import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("The cache service")
struct CacheServiceTests {
    @Test("Every operation, from a line to Redis and back")
    func everyOperation() async throws {
        try await Site.open { site in
            let client = try await site.client()
            for (line, answer) in [
                (#"{"op":"get","key":"product:42"}"#, #"{"ok":true,"found":false}"#),
                (#"{"op":"set","key":"product:42","value":{"b": 1.50,"a":null}}"#, #"{"ok":true,"stored":true}"#),
                (#"{"id":"x","op":"exists","key":"product:42"}"#, #"{"id":"x","ok":true,"exists":true}"#),
                (#"{"op":"expire","key":"product:42","ttl":100}"#, #"{"ok":true,"updated":true}"#),
                (#"{"op":"expire","key":"product:43","ttl":100}"#, #"{"ok":true,"updated":false}"#),
                (#"{"op":"set","key":"product:43","value":""}"#, #"{"ok":true,"stored":true}"#),
                (#"{"op":"delete","keys":["product:43","product:44"]}"#, #"{"ok":true,"deleted":1}"#),
                (#"{"op":"delete","key":"product:43"}"#, #"{"ok":true,"deleted":0}"#),
            ] { #expect(try await client.exchange(line) == answer) }
            let found = try await client.ask(#"{"op":"get","key":"product:42"}"#)
            #expect(found.text.hasPrefix(#"{"ok":true,"found":true,"value":{"b": 1.50,"a":null},"ttl_ms":"#))
            #expect((1...100_000).contains(found.remaining ?? 0))
            // What counts as nothing elsewhere is found.
            for value in ["null", "[]", "0", "\"\"", "false"] {
                _ = try await client.exchange(#"{"op":"set","key":"a:1","value":\#(value)}"#)
                let answer = try await client.ask(#"{"op":"get","key":"a:1"}"#)
                #expect(answer.text.hasPrefix(#"{"ok":true,"found":true,"value":\#(value),"#))
            }
        }
    }

    @Test("The time to live is that of the key's namespace, or the request's")
    func timeToLive() async throws {
        try await Site.open { site in
            let client = try await site.client(["CISTERN_TTL_NEVER": "0"])
            for (key, ttl, expected) in [
                ("stock:1", "", 60_000), ("organizations:1", "", 3_600_000), ("other:1", "", 300_000),
                ("stock:1", #","ttl":2.5"#, 2500), ("org:7:locals", #","ttl":3600"#, 3_600_000),
            ] {
                let stored = try await client.ask(#"{"op":"set","key":"\#(key)","value":1\#(ttl)}"#)
                #expect(stored.isOK, "\(stored)")
                let left = try await client.ask(#"{"op":"get","key":"\#(key)"}"#).remaining ?? 0
                #expect((expected - 2000...expected).contains(left), "\(key): \(left)")
            }
            let none = try await client.exchange(#"{"op":"set","key":"never:1","value":1}"#)
            #expect(none == #"{"ok":true,"stored":false}"#)
            let gone = try await client.exchange(#"{"op":"set","key":"stock:1","value":1,"ttl":0}"#)
            #expect(gone == #"{"ok":true,"stored":false}"#)
            #expect(try await client.exchange(#"{"op":"exists","key":"stock:1"}"#) == #"{"ok":true,"exists":false}"#)
        }
    }

    @Test("What redis-cli stores is read, and the other way round, on exactly prefix and key")
    func redisCommandLine() async throws {
        try await Site.open { site in
            let client = try await site.client()
            let url = site.redisURL
            let key = "\(site.name):product:42"
            let text = #"{"name":"Café \"Sur\"","price":12.50,"id":12345678901234567890}"#
            _ = try await client.exchange(#"{"op":"set","key":"product:42","value":\#(text),"ttl":100}"#)
            #expect(try await Tool.redis(url, "GET", key) == text)
            let left = try #require(Int(try await Tool.redis(url, "TTL", key)))
            #expect((90...100).contains(left))
            #expect(try await Tool.redis(url, "SETEX", key, "50", "[1, 2,\n 3]") == "OK")
            let found = try await client.ask(#"{"op":"get","key":"product:42"}"#)
            #expect(found.text.hasPrefix(#"{"ok":true,"found":true,"value":[1, 2,  3],"ttl_ms":"#), "\(found)")
            #expect(try await Tool.redis(url, "DEL", key) == "1")
            #expect(try await client.exchange(#"{"op":"get","key":"product:42"}"#) == #"{"ok":true,"found":false}"#)
            // Without a time, of another kind, no JSON.
            #expect(try await Tool.redis(url, "SET", key, "1") == "OK")
            #expect(
                try await client.exchange(#"{"op":"get","key":"product:42"}"#)
                    == #"{"ok":true,"found":true,"value":1,"ttl_ms":-1}"#
            )
            #expect(try await Tool.redis(url, "SET", key, "NaN") == "OK")
            let odd = try await client.ask(#"{"id":1,"op":"get","key":"product:42"}"#)
            #expect(odd.code == "bad_request" && odd.message.contains("is not JSON"), "\(odd)")
            #expect(try await Tool.redis(url, "DEL", key) == "1")
            #expect(try await Tool.redis(url, "RPUSH", key, "1") == "1")
            let list = try await client.ask(#"{"op":"get","key":"product:42"}"#)
            #expect(list.code == "bad_request" && list.message.contains("no string"), "\(list)")
            #expect(try await client.exchange(#"{"op":"delete","key":"product:42"}"#) == #"{"ok":true,"deleted":1}"#)
        }
    }

    /// The service of the reference document, with redis-py.
    private static let python = """
        import asyncio, json, sys
        import redis.asyncio as redis

        class CacheService:
            def __init__(self, client):
                self.redis = client
            async def get(self, key):
                value = await self.redis.get(key)
                return json.loads(value) if value else None
            async def set(self, key, value, ttl=300):
                await self.redis.setex(key, ttl, json.dumps(value, default=str))
            async def delete(self, key):
                await self.redis.delete(key)
            async def exists(self, key):
                return await self.redis.exists(key) > 0

        async def main():
            client = redis.from_url(sys.argv[1], decode_responses=True)
            cache, prefix = CacheService(client), sys.argv[2]
            print(json.dumps(await cache.get(prefix + "product:42")))
            print(await client.ttl(prefix + "product:42") > 90)
            await cache.set(prefix + "permissions:7", ["read", "wri\u{E9}te"], 100)
            await cache.delete(prefix + "product:43")
            print(await cache.exists(prefix + "product:43"))
            await client.close()

        asyncio.run(main())
        """

    @Test("What redis-py stores is read, and the other way round")
    func redisPython() async throws {
        try await Site.open { site in
            let client = try await site.client()
            for key in ["product:42", "product:43"] {
                let line = #"{"op":"set","key":"\#(key)","value":{"id":42,"name":"Café","price":12.5},"ttl":100}"#
                #expect(try await client.ask(line).isOK)
            }
            let output = try await Tool.output(Tool.python, ["-c", Self.python, site.redisURL, site.name + ":"])
            #expect(output == "{\"id\": 42, \"name\": \"Caf\\u00e9\", \"price\": 12.5}\nTrue\nFalse\n")
            let found = try await client.ask(#"{"op":"get","key":"permissions:7"}"#)
            #expect(found.text.hasPrefix(#"{"ok":true,"found":true,"value":["read", "wri\u00e9te"],"ttl_ms":"#))
            #expect(try await client.exchange(#"{"op":"get","key":"product:43"}"#) == #"{"ok":true,"found":false}"#)
        }
    }

    @Test("Invalidation deletes values by key, tag and pattern, in batches, and no key of Cistern's own")
    func invalidation() async throws {
        try await Site.open(redis: .own) { site in
            let (client, other) = try await site.pair()
            let url = site.redisURL
            func set(_ key: String) async throws {
                #expect(try await client.ask(#"{"op":"set","key":"\#(key)","value":1}"#).isOK)
            }
            func exists(_ key: String) async throws -> Bool {
                try await other.ask(#"{"op":"exists","key":"\#(key)"}"#).json["exists"]?.bool == true
            }
            for key in ["product:1", "product:2", "products:org:1", "products:org:2", "other:1"] { try await set(key) }
            _ = try await client.exchange(#"{"op":"invalidate","keys":["product:1"],"tags":["product:2"]}"#)
            for key in ["product:1", "product:2"] { #expect(try await !exists(key)) }
            _ = try await client.exchange(#"{"op":"invalidate","pattern":"products:org:*"}"#)
            for key in ["products:org:1", "products:org:2"] { #expect(try await !exists(key)) }
            _ = try await client.exchange(#"{"op":"invalidate","pattern":"*","all":true}"#)
            #expect(try await exists("other:1"))
            // Many, and one whose name is no text.
            let fill =
                "for i = 1, 20000 do redis.call('SET', ARGV[1] .. 'many:' .. i, '1') end "
                + "redis.call('SET', ARGV[1] .. 'many:\\255', '1')"
            _ = try await Tool.redis(url, "EVAL", fill, "0", "\(site.name):")
            _ = try await Tool.redis(url, "CONFIG", "RESETSTAT")
            _ = try await client.exchange(#"{"op":"invalidate","pattern":"many:*"}"#)
            #expect(try await Tool.redis(url, "EVAL", "return #redis.call('KEYS', '*many:*')", "0") == "0")
            let statistics = try await Tool.redis(url, "INFO", "commandstats")
            #expect(statistics.contains("cmdstat_scan:") && statistics.contains("cmdstat_unlink:"))
            #expect(try await exists("other:1"))
        }
    }

    @Test("Deleting many keys at once goes in batches")
    func manyKeys() async throws {
        try await Site.open { site in
            let client = try await site.client()
            let fill = "for i = 1, 3000 do redis.call('SET', ARGV[1] .. 'many:' .. i, '1') end"
            _ = try await Tool.redis(site.redisURL, "EVAL", fill, "0", "\(site.name):")
            let keys = (1...3100).map { "\"many:\($0)\"" }.joined(separator: ",")
            #expect(try await client.exchange(#"{"op":"delete","keys":[\#(keys)]}"#) == #"{"ok":true,"deleted":3000}"#)
        }
    }

    @Test("Redis away: get is degraded, whatever would lie is an error; back again it works")
    func redisAway() async throws {
        try await Site.open(redis: .own) { site in
            let redis = try #require(site.ownRedis)
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            #expect(try await client.ask(#"{"op":"set","key":"a:1","value":1}"#).isOK)
            await redis.stop()
            let isAway = try await eventually(within: .seconds(5)) {
                try await client.stats()["redis"]?["available"]?.bool == false
            }
            #expect(isAway)
            #expect(
                try await client.exchange(#"{"op":"get","key":"a:1"}"#) == #"{"ok":true,"found":false,"degraded":true}"#
            )
            for line in [
                #"{"op":"set","key":"a:1","value":1}"#, #"{"op":"set","key":"a:1","value":1,"ttl":0}"#,
                #"{"op":"delete","key":"a:1"}"#, #"{"op":"exists","key":"a:1"}"#,
                #"{"op":"expire","key":"a:1","ttl":1}"#,
            ] { #expect(try await client.ask(line).code == "cache_unavailable", "\(line)") }
            // A mistake is one all the same.
            #expect(try await client.ask(#"{"op":"get","key":"a"}"#).code == "bad_request")
            try await redis.start()
            let isBack = try await eventually(within: .seconds(5)) {
                try await client.ask(#"{"op":"set","key":"a:1","value":2}"#).isOK
            }
            #expect(isBack)
            #expect(try await client.stats()["values"]?["degraded"]?.int == 1)
        }
    }

    @Test("Without Redis, values are kept in memory")
    func withoutRedis() async throws {
        try await Site.open(redis: .none) { site in
            let client = try await site.client(["CISTERN_CACHE_VALUES": "64kB"])
            #expect(try await client.ask(#"{"op":"set","key":"a:1","value":{"n":1.0}}"#).isOK)
            #expect(try await client.ask(#"{"op":"get","key":"a:1"}"#).text.contains(#""value":{"n":1.0}"#))
            let text = String(repeating: "x", count: 20_000)
            for number in 0..<20 {
                #expect(try await client.ask(#"{"op":"set","key":"b:\#(number)","value":"\#(text)"}"#).isOK)
            }
            #expect(try await client.exchange(#"{"op":"get","key":"b:0"}"#) == #"{"ok":true,"found":false}"#)
            #expect(try await client.ask(#"{"op":"get","key":"b:19"}"#).json["found"]?.bool == true)
            let values = try await client.stats()["values"]
            #expect((values?["bytes"]?.int ?? .max) <= 65_536 && (values?["evictions"]?.int ?? 0) >= 17)
            _ = try await client.exchange(#"{"op":"invalidate","pattern":"b:*"}"#)
            #expect(try await client.exchange(#"{"op":"exists","key":"b:19"}"#) == #"{"ok":true,"exists":false}"#)
            #expect(try await client.exchange(#"{"op":"delete","key":"a:1"}"#) == #"{"ok":true,"deleted":0}"#)
        }
    }

    @Test("What cannot be is refused, and the connection goes on")
    func mistakes() async throws {
        try await Site.open { site in
            let client = try await site.client(["CISTERN_CACHE_MAX_ENTRY_BYTES": "1000"])
            let large = String(repeating: "x", count: 1000)
            for (line, code) in [
                (#"{"op":"get","key":"product"}"#, "bad_request"),
                (#"{"op":"get","key":"cistern:g:e"}"#, "bad_request"),
                (#"{"op":"delete","keys":["a:1","cistern:server"]}"#, "bad_request"),
                (#"{"op":"set","key":"a:1","value":1,"ttl":1e300}"#, "bad_request"),
                (#"{"op":"set","key":"a:1","value":{"a":1}}}"#, "bad_request"),
                (#"{"op":"set","key":"a:1","value":"\#(large)"}"#, "request_too_large"),
            ] { #expect(try await client.ask(line).code == code, "\(line.prefix(80))") }
            #expect(try await client.exchange("PING") == #"{"ok":true,"pong":true}"#)
        }
    }
}
