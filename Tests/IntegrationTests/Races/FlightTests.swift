import JSONText
import ProcessSupport
import Testing

/// One question to PostgreSQL for many who want the same, and none who is stuck when the asker dies.
@Suite("One flight per key")
struct FlightTests {
    @Test("Row 38: twenty equal cold reads are one query, with one proxy and with four", arguments: [1, 4])
    func coldReads(proxies count: Int) async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE cold_\(site.name) AS SELECT 1 AS n")
            let sql = "SELECT held(n, 38) FROM cold_\(site.name)"
            var proxies: [CisternProcess] = []
            for _ in 0..<count { proxies.append(try await site.proxy(["CISTERN_CACHE_LOCK_TIMEOUT": "10s"])) }
            var clients: [LineClient] = []
            for number in 0..<20 { clients.append(try await proxies[number % count].client()) }
            let readers = clients
            let watchers = proxies
            let origins = try await site.holding(lock: 38) { release in
                try await withThrowingTaskGroup(of: String.self) { group in
                    for reader in readers {
                        group.addTask {
                            let answer = try await reader.query(sql)
                            #expect(answer.rows == "[[1]]", "\(answer)")
                            return answer.origin
                        }
                    }
                    // All have boarded, each proxy's own flight.
                    for watcher in watchers {
                        let client = try await watcher.client()
                        let haveBoarded = try await eventually(within: .seconds(10)) {
                            try await client.stats()["flights"]?["joined"]?.int == 20 / count - 1
                        }
                        #expect(haveBoarded)
                        await client.close()
                    }
                    #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                    try await release()
                    return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
                }
            }
            #expect(origins == ["miss": 1, "shared": 19])
            let calls = try await site.database.calls(naming: "cold_\(site.name)")
            #expect(calls == 1)
        }
    }

    @Test("200 concurrent cold requests for one key: PostgreSQL sees one query")
    func manyColdReads() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE cold_\(site.name) AS SELECT 1 AS n")
            let proxy = try await site.proxy()
            var clients: [LineClient] = []
            for _ in 0..<200 { clients.append(try await proxy.client()) }
            let readers = clients
            let origins = try await withThrowingTaskGroup(of: String.self) { group in
                for reader in readers {
                    group.addTask { try await reader.query("SELECT n FROM cold_\(site.name)").origin }
                }
                return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(origins["miss"] == 1 && origins.values.reduce(0, +) == 200, "\(origins)")
            #expect(Set(origins.keys).isSubset(of: ["miss", "shared", "memory", "redis"]), "\(origins)")
            let calls = try await site.database.calls(naming: "cold_\(site.name)")
            #expect(calls == 1)
        }
    }

    @Test("Row 39: the proxy that fetches is killed: the others are not stuck")
    func deadHolder() async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            let settings = ["CISTERN_CACHE_LOCK_TIMEOUT": "600ms"]
            let doomed = try await site.proxy(settings)
            let reader = try await site.client(settings)
            try await site.holding(lock: 39) { release in
                let first = try await doomed.client()
                first.sendWithoutWaiting("SELECT held(1, 39)\n")
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                async let answer = reader.query("SELECT held(1, 39)")
                await doomed.process.killNow()
                // It asks itself once the lease has run out.
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name, count: 2))
                try await release()
                #expect(try await answer.rows == "[[1]]")
            }
        }
    }

    @Test("The one that fetches fails: each who waited learns it, and nothing is remembered")
    func failure() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE divisors AS SELECT 0 AS d",
                "CREATE FUNCTION fails(d int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1 / d; END'"
            )
            let (one, other) = try await site.pair()
            for client in [one, other, one] {
                let answer = try await client.query("SELECT fails(d) FROM divisors")
                #expect(answer.code == "sql_error" && answer.sqlState == "22012", "\(answer)")
            }
            try await site.database.execute("UPDATE divisors SET d = 1")
            #expect(try await one.query("SELECT fails(d) FROM divisors").rows == "[[1]]")
        }
    }

    @Test("A client that leaves does not end the flight of the others")
    func leaver() async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            let proxy = try await site.proxy()
            let leaver = try await proxy.client()
            let stayer = try await proxy.client()
            try await site.holding(lock: 40) { release in
                leaver.sendWithoutWaiting("SELECT held(1, 40)\n")
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                async let answer = stayer.query("SELECT held(1, 40)")
                let watcher = try await proxy.client()
                let hasJoined = try await eventually(within: .seconds(5)) {
                    try await watcher.stats()["flights"]?["joined"]?.int == 1
                }
                #expect(hasJoined)
                await leaver.close()
                try await release()
                #expect(try await answer.origin == "shared")
            }
        }
    }

    @Test("Row 47: a limit on misses in flight per namespace")
    func missLimit() async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE numbers AS SELECT 1 AS n")
            let proxy = try await site.proxy(file: "[namespace.narrow]\nmax_misses_in_flight = 2\n")
            let client = try await proxy.client()
            try await site.holding(lock: 47) { release in
                for number in 1...2 {
                    try await client.send(
                        "{\"id\":\(number),\"ns\":\"narrow\",\"sql\":\"SELECT held(\(number), 47)\"}\n"
                    )
                }
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name, count: 2))
                let refused = try await client.query("SELECT held(3, 47)", #""id":3,"ns":"narrow""#)
                #expect(refused.code == "overloaded" && refused.json["id"]?.int == 3, "\(refused)")
                let elsewhere = try await client.query("SELECT n FROM numbers", #""id":4"#)
                #expect(elsewhere.origin == "miss", "\(elsewhere)")
                try await release()
                let answers = [try await client.nextLine(), try await client.nextLine()]
                #expect(answers.allSatisfy { $0.contains(#""ok":true"#) }, "\(answers)")
            }
        }
    }
}
