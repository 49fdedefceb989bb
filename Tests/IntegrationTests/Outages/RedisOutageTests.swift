import Foundation
import JSONText
import ProcessSupport
import Synchronization
import Testing

@Suite("Redis goes away and comes back")
struct RedisOutageTests {
    /// What a load of reads came to, and whether it is to end.
    private final class Load: Sendable {
        private let answers = Mutex<[String: Int]>([:])
        private let slowest = Mutex(Duration.zero)
        private let isOver = Mutex(false)

        var counts: [String: Int] { answers.withLock { $0 } }
        var slowestAnswer: Duration { slowest.withLock { $0 } }

        func count(_ name: String) -> Int { counts[name] ?? 0 }
        func end() { isOver.withLock { $0 = true } }

        func run(through client: LineClient) async throws {
            while !isOver.withLock({ $0 }) {
                let start = ContinuousClock.now
                let id = Int.random(in: 1...40)
                let answer = try await client.query("SELECT id FROM items WHERE id = $1", "\"params\":[\(id)]")
                #expect(answer.rows == "[[\(id)]]", "\(answer)")
                let time = start.duration(to: .now)
                answers.withLock { $0[answer.cache ?? answer.code ?? "?", default: 0] += 1 }
                slowest.withLock { $0 = max($0, time) }
            }
        }
    }

    @Test("Redis is killed in the middle of a load of reads: none fails; back again it is used within 2 s")
    func killedUnderLoad() async throws {
        try await Site.open(redis: .own) { site in
            try await site.database.execute("CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 500) AS i")
            let redis = try #require(site.ownRedis)
            // No memory, so that Redis is asked all the time.
            let proxy = try await site.proxy(["CISTERN_CACHE_MEMORY": "0"])
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await load.run(through: proxy.client()) }
                }
                #expect(try await eventually(within: .seconds(5)) { load.count("redis") > 100 })
                await redis.stop()
                let misses = load.count("miss")
                #expect(try await eventually(within: .seconds(5)) { load.count("miss") > misses + 50 })
                try await redis.start()
                let hits = load.count("redis")
                #expect(try await eventually(within: .seconds(2)) { load.count("redis") > hits + 20 })
                load.end()
                try await group.waitForAll()
            }
            #expect(Set(load.counts.keys).isSubset(of: ["miss", "redis", "shared"]), "\(load.counts)")
            #expect(load.slowestAnswer < .seconds(2))
        }
    }

    @Test("A Redis that hangs costs its time-out once, not per request")
    func hanging() async throws {
        try await Site.open(redis: .own) { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let redis = try #require(site.ownRedis)
            let proxy = try await site.proxy(["CISTERN_CACHE_MEMORY": "0", "CISTERN_REDIS_SOCKET_TIMEOUT": "300ms"])
            let client = try await proxy.client()
            #expect(try await client.query("SELECT id FROM items").origin == "miss")
            #expect(try await client.query("SELECT id FROM items").origin == "redis")
            redis.send(signal: SIGSTOP)
            let start = ContinuousClock.now
            for _ in 0..<100 { #expect(try await client.query("SELECT id FROM items").rows == "[[1]]") }
            #expect(start.duration(to: .now) < .seconds(3))
            redis.send(signal: SIGCONT)
            let isUsed = try await eventually(within: .seconds(5)) {
                try await client.query("SELECT id FROM items").origin == "redis"
            }
            #expect(isUsed)
            // Said once, not per request.
            #expect(proxy.log.components(separatedBy: "Redis is unavailable").count <= 4, "\(proxy.log)")
        }
    }

    @Test("Without Redis at all: memory serves, writes invalidate, and a proxy starts whose Redis is away")
    func embedded() async throws {
        try await Site.open(redis: .none) { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let client = try await site.client()
            for expected in ["miss", "memory"] {
                #expect(try await client.query("SELECT n FROM items").origin == expected)
            }
            let strict = try await client.query("SELECT n FROM items", #""consistency":"strict""#)
            #expect(strict.origin == "memory" && strict.rows == "[[1]]", "\(strict)")
            let written = try await client.query("UPDATE items SET n = 2", #""invalidate":["a:*"]"#)
            #expect(written.isComplete == true, "\(written)")
            #expect(try await client.query("SELECT n FROM items").rows == "[[2]]")
            #expect(try await client.stats()["redis"]?["configured"]?.bool == false)
            // Nobody listens there.
            let port = try await freePort()
            let away = try await site.proxy(["REDIS_URL": "redis://127.0.0.1:\(port)"], isAwaited: false)
            let other = try await away.client()
            for _ in 0..<2 { #expect(try await other.query("SELECT n FROM items").rows == "[[2]]") }
            let unheard = try await other.query("UPDATE items SET n = 3")
            #expect(unheard.isOK && unheard.isComplete == false, "\(unheard)")
            #expect(try await other.query("SELECT n FROM items").rows == "[[3]]")
        }
    }
}
