import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("Row 46: everything expires at one moment")
struct ExpiryTests {
    /// The times that entries which were filled together are kept in Redis, in milliseconds.
    private static func lifetimes(_ site: Site, _ variables: [String: String]) async throws -> [Int] {
        try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
        let client = try await site.client(variables)
        for number in 0..<40 {
            let answer = try await client.query(
                "SELECT n FROM items WHERE n <> $1",
                "\"params\":[\(number + 5)],\"ttl\":100"
            )
            #expect(answer.origin == "miss", "\(answer)")
        }
        let redis = try #require(site.ownRedis)
        let names = try await redis.keys(matching: "\(site.name):cistern:e:*")
        #expect(names.count == 40)
        var times: [Int] = []
        for name in names {
            let reply = try await redis.reply("PTTL \(name)")
            times.append(try #require(Int(reply.dropFirst()), "\(reply)"))
        }
        return times
    }

    /// Forty times out of ten seconds lie within three only once in 10^14 runs; filling them takes no three seconds.
    private static func areSpread(_ times: [Int]) throws -> Bool {
        try #require(times.max()) - #require(times.min()) > 3000
    }

    @Test("What is filled together does not expire together: a random part of the time to live is taken off")
    func jitter() async throws {
        try await Site.open(redis: .own, alone: true) { site in
            let times = try await Self.lifetimes(site, [:])
            #expect(try Self.areSpread(times), "\(times.sorted())")
            #expect(times.allSatisfy { $0 <= 100_000 && $0 > 80_000 }, "\(times.sorted())")
        }
    }

    @Test("It is noticed when there is no jitter: all end within the time that filling took")
    func withoutJitter() async throws {
        try await Site.open(redis: .own, alone: true) { site in
            let times = try await Self.lifetimes(site, ["CISTERN_CACHE_JITTER": "0"])
            #expect(try !Self.areSpread(times), "\(times.sorted())")
        }
    }

    /// Without jitter, so that the worst is measured: all keys are gone when two proxies' readers come for all of them.
    @Test("At the moment of expiry PostgreSQL is asked once per key, whoever asks")
    func oneFlightPerKey() async throws {
        try await Site.open(redis: .own) { site in
            let keys = 4
            let readersPerProxy = 3
            let table = "expiring_\(site.name)"
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE \(table) AS SELECT 1 AS n")
            let variables = ["CISTERN_CACHE_JITTER": "0", "CISTERN_CACHE_LOCK_TIMEOUT": "20s"]
            let proxies = [try await site.proxy(variables), try await site.proxy(variables)]
            @Sendable func read(_ key: Int, _ client: LineClient) async throws -> String {
                let answer = try await client.query(
                    "SELECT held(n, 46) FROM \(table) WHERE n < $1",
                    "\"params\":[\(key + 5)],\"ttl\":0.6"
                )
                #expect(answer.rows == "[[1]]", "\(answer)")
                return answer.origin
            }
            let first = try await proxies[0].client()
            for key in 0..<keys { #expect(try await read(key, first) == "miss") }
            #expect(try await site.database.calls(naming: table) == keys)
            let redis = try #require(site.ownRedis)
            let areGone = try await eventually(within: .seconds(5)) {
                try await redis.keys(matching: "\(site.name):cistern:e:*").isEmpty
            }
            #expect(areGone)
            let origins = try await site.holding(lock: 46) { release in
                try await withThrowingTaskGroup(of: String.self) { group in
                    for proxy in proxies {
                        for _ in 0..<readersPerProxy {
                            for key in 0..<keys {
                                let client = try await proxy.client()
                                group.addTask { try await read(key, client) }
                            }
                        }
                    }
                    // Each proxy has a flight per key, which all its readers wait for.
                    for proxy in proxies {
                        let watcher = try await proxy.client()
                        let haveBoarded = try await eventually(within: .seconds(10)) {
                            try await watcher.stats()["flights"]?["joined"]?.int == (readersPerProxy - 1) * keys
                        }
                        #expect(haveBoarded)
                    }
                    #expect(try await site.database.waitForAdvisoryLocks(of: site.name, count: keys))
                    try await release()
                    return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
                }
            }
            #expect(origins == ["miss": keys, "shared": (2 * readersPerProxy - 1) * keys])
            #expect(try await site.database.calls(naming: table) == 2 * keys)
        }
    }
}
