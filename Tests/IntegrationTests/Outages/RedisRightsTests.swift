import JSONText
import ProcessSupport
import Testing

/// A user of Redis who may not do all that a proxy needs: said once in the log, told honestly to those who write, and
/// nobody is served for long what a write made stale.
@Suite("Redis refuses")
struct RedisRightsTests {
    private static let sql = "SELECT n FROM items"

    /// Proxies of one Redis, of which the first has a user of its own.
    private struct Limited {
        let site: Site
        let redis: OwnRedis
        let proxy: CisternProcess
        let freshness: Freshness

        init(_ site: Site, rules: String) async throws {
            self.site = site
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            redis = try #require(site.ownRedis)
            #expect(try await redis.reply("ACL SETUSER limited on >pw \(rules)") == "+OK")
            proxy = try await site.proxy(["REDIS_URL": "redis://limited:pw@127.0.0.1:\(redis.port)/0"])
            freshness = Freshness(writer: try await proxy.client(), other: try await site.client())
        }

        func rules(_ rules: String) async throws {
            #expect(try await redis.reply("ACL SETUSER limited \(rules)") == "+OK")
        }

        /// Lines of the proxy's log that hold a text.
        func logged(_ text: String) -> Int { proxy.log.split(separator: "\n").count { $0.contains(text) } }

        func set(_ value: Int) async throws -> Bool? {
            let answer = try await freshness.writer.query("UPDATE items SET n = \(value)")
            #expect(answer.isOK, "\(answer)")
            return answer.isComplete
        }
    }

    @Test("PUBLISH on the invalidation channel: \"complete\":false, one warning, and Redis goes on being read")
    func publishing() async throws {
        try await Site.open(redis: .own) { site in
            // It may subscribe to all, and publish its heartbeats.
            let limited = try await Limited(
                site,
                rules: #"~* &* +@all -publish "(~* &\#(site.name):cistern:control +publish)""#
            )
            let freshness = limited.freshness
            let client = try await limited.proxy.client()
            for value in 2...6 {
                #expect(try await limited.set(value) == false)
                #expect(try await freshness.writer.query(Self.sql).rows == "[[\(value)]]")
                try await freshness.expectFresh(Self.sql, after: "an unpublished write", within: .seconds(3))
            }
            // It is not told again and again: what is stored stays.
            _ = try await client.query(Self.sql)
            for _ in 0..<20 {
                #expect(try await client.query(Self.sql, #""consistency":"strict""#).origin == "redis")
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(limited.logged("Redis refuses to publish") == 1, "\(limited.proxy.log)")
            #expect(limited.logged("+publish &\(site.name):invalidation") == 1, "\(limited.proxy.log)")
            try await limited.rules("+publish")
            _ = try await limited.set(7)
            let isTold = try await eventually(within: .seconds(3)) { try await limited.set(8) == true }
            #expect(isTold)
            #expect(limited.logged("Redis takes what is published again") == 1, "\(limited.proxy.log)")
        }
    }

    @Test("The new generations: nothing is read from Redis, one warning, and all is told once the right is there")
    func generations() async throws {
        try await Site.open(redis: .own) { site in
            let limited = try await Limited(site, rules: "~* &* +@all")
            let freshness = limited.freshness
            try await freshness.fill(Self.sql)
            try await limited.rules("-set")
            for value in 2...4 {
                #expect(try await limited.set(value) == false)
                let read = try await freshness.writer.query(Self.sql)
                #expect(read.rows == "[[\(value)]]" && read.origin != "redis", "\(read)")
            }
            #expect(limited.logged("Redis refuses invalidations") == 1, "\(limited.proxy.log)")
            // It says nothing more until it has told everything, so the others take it for vanished.
            let isFresh = try await eventually(within: .seconds(8)) {
                try await freshness.other.query(Self.sql).rows == "[[4]]"
            }
            #expect(isFresh)
            try await limited.rules("+set")
            let isUsed = try await eventually(within: .seconds(8)) {
                try await freshness.writer.query(Self.sql, #""consistency":"strict""#).origin == "redis"
            }
            #expect(isUsed)
            #expect(limited.logged("Redis takes invalidations again") == 1, "\(limited.proxy.log)")
            #expect(try await limited.set(5) == true)
            try await freshness.expectFresh(Self.sql, after: "a right that came back")
        }
    }
}
