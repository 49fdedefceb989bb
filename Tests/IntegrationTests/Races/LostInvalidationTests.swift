import JSONText
import ProcessSupport
import Testing

/// Redis goes away, forgets, or comes back with what it once knew. Nobody serves what was there before a write.
@Suite("Invalidations that Redis did not hear or forgot")
struct LostInvalidationTests {
    private static let sql = "SELECT n FROM items"

    private static func makeItems(_ site: Site) async throws {
        try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
    }

    private static func set(_ value: Int, through client: LineClient) async throws -> Answer {
        let answer = try await client.query("UPDATE items SET n = \(value)")
        #expect(answer.isOK, "\(answer)")
        return answer
    }

    @Test("Row 40: the invalidation channel is cut while a write commits")
    func channelCut() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let redis = try #require(site.ownRedis)
            let freshness = try await site.freshness()
            for value in 2...6 {
                // Its memory is trusted again, and holds the row.
                let isHeld = try await eventually(within: .seconds(5)) {
                    _ = try await freshness.writer.query(Self.sql)
                    return try await freshness.other.query(Self.sql).origin == "memory"
                }
                #expect(isHeld)
                #expect(try await redis.reply("CLIENT KILL TYPE pubsub").hasPrefix(":"))
                _ = try await Self.set(value, through: freshness.writer)
                try await freshness.expectFresh(Self.sql, after: "CLIENT KILL and UPDATE \(value)")
            }
        }
    }

    @Test("Row 41: Redis is stopped while a write commits, and started again")
    func stoppedDuringWrite() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let redis = try #require(site.ownRedis)
            let freshness = try await site.freshness()
            try await freshness.fill(Self.sql)
            #expect(try await redis.reply("SAVE") == "+OK")
            await redis.stop()
            let written = try await Self.set(2, through: freshness.writer)
            #expect(written.isComplete == false, "\(written)")
            #expect(try await freshness.writer.query(Self.sql).rows == "[[2]]")
            // With what it held before the write.
            try await redis.start()
            let answers = [
                try await freshness.writer.query(Self.sql), try await freshness.writer.query(Self.sql),
            ]
            #expect(answers.map(\.rows) == ["[[2]]", "[[2]]"])
            let isHeard = try await eventually(within: .seconds(2)) {
                try await freshness.other.query(Self.sql, #""consistency":"strict""#).rows == "[[2]]"
            }
            #expect(isHeard)
            let isUsed = try await eventually(within: .seconds(5)) {
                try await freshness.other.query(Self.sql, #""consistency":"strict""#).origin == "redis"
            }
            #expect(isUsed)
            try await freshness.expectFresh(Self.sql, after: "a write without Redis")
        }
    }

    @Test("Row 42: Redis is restarted empty")
    func restartedEmpty() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let redis = try #require(site.ownRedis)
            let freshness = try await site.freshness()
            try await freshness.fill(Self.sql)
            await redis.stop()
            try await redis.start()
            _ = try await Self.set(2, through: freshness.writer)
            let isHeard = try await eventually(within: .seconds(2)) {
                try await freshness.other.query(Self.sql, #""consistency":"strict""#).rows == "[[2]]"
            }
            #expect(isHeard)
            try await freshness.expectFresh(Self.sql, after: "a restart")
        }
    }

    @Test("Row 42: Redis is restarted from a snapshot from before a write: its entry is not revived")
    func restartedFromSnapshot() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let redis = try #require(site.ownRedis)
            let freshness = try await site.freshness()
            for value in 2...4 {
                let isHeld = try await eventually(within: .seconds(5)) {
                    _ = try await freshness.writer.query(Self.sql)
                    return try await freshness.other.query(Self.sql, #""consistency":"strict""#).origin == "redis"
                }
                #expect(isHeld)
                #expect(try await redis.reply("SAVE") == "+OK")
                #expect(try await Self.set(value, through: freshness.writer).isComplete == true)
                await redis.stop()
                try await redis.start()
                // While the proxies come back to it, and after.
                for _ in 0..<40 {
                    for client in [freshness.writer, freshness.other] {
                        let strict = try await client.query(Self.sql, #""consistency":"strict""#)
                        try #require(strict.rows == "[[\(value)]]", "strict: \(strict)")
                    }
                    let bounded = try await freshness.writer.query(Self.sql)
                    try #require(bounded.rows == "[[\(value)]]", "bounded: \(bounded)")
                    try await Task.sleep(for: .milliseconds(5))
                }
                try await freshness.expectFresh(Self.sql, after: "a restart from a snapshot")
            }
        }
    }

    @Test("Row 41: Redis is out of reach for the writer alone: the debt is paid as soon as the link is back")
    func linkCut() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let relay = try await Relay.start(to: try #require(site.ownRedis).port)
            let writer = try await site.client(["REDIS_URL": relay.url])
            let freshness = Freshness(writer: writer, other: try await site.client())
            try await freshness.fill(Self.sql)
            await relay.cut()
            #expect(try await Self.set(2, through: writer).isComplete == false)
            for _ in 0..<3 { #expect(try await writer.query(Self.sql).rows == "[[2]]") }
            relay.restore()
            let isPaid = try await eventually(within: .seconds(3)) {
                try await freshness.other.query(Self.sql, #""consistency":"strict""#).rows == "[[2]]"
            }
            #expect(isPaid)
            let isReconnected = try await eventually(within: .seconds(3)) {
                try await writer.query(Self.sql, #""consistency":"strict""#).origin == "redis"
            }
            #expect(isReconnected)
            try await freshness.expectFresh(Self.sql, after: "a cut link")
            await relay.stop()
        }
    }

    @Test("Row 41 is noticed when its guard is off: the old row stays")
    func withoutQueue() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let relay = try await Relay.start(to: try #require(site.ownRedis).port)
            let proxy = try await site.proxy(["REDIS_URL": relay.url], withoutGuard: "queues-invalidations")
            let freshness = Freshness(writer: try await proxy.client(), other: try await site.client())
            try await freshness.fill(Self.sql)
            await relay.cut()
            _ = try await Self.set(2, through: freshness.writer)
            relay.restore()
            #expect(try await proxy.isReady())
            #expect(try await freshness.other.query(Self.sql, #""consistency":"strict""#).rows == "[[1]]")
            await relay.stop()
        }
    }

    /// Nobody but it knew of the write; the others notice its silence.
    @Test("A proxy is killed with a write that Redis was not told of: the others do not serve the old row for ever")
    func killedWithDebt() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let relay = try await Relay.start(to: try #require(site.ownRedis).port)
            let doomed = try await site.proxy(["REDIS_URL": relay.url])
            let writer = try await doomed.client()
            let other = try await site.client()
            let freshness = Freshness(writer: writer, other: other)
            try await freshness.fill(Self.sql)
            // They know of each other by their heartbeats.
            let heard = try await other.stats()["redis"]?["messages"]?.int ?? 0
            let haveMet = try await eventually(within: .seconds(5)) {
                try await other.stats()["redis"]?["messages"]?.int ?? 0 > heard + 4
            }
            #expect(haveMet)
            await relay.cut()
            #expect(try await Self.set(2, through: writer).isComplete == false)
            await doomed.process.killNow()
            let isFresh = try await eventually(within: .seconds(8)) {
                try await other.query(Self.sql).rows == "[[2]]"
            }
            #expect(isFresh)
            #expect(try await other.query(Self.sql, #""consistency":"strict""#).rows == "[[2]]")
            await relay.stop()
        }
    }
}
