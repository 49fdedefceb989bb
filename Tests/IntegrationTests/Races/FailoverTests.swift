import Foundation
import JSONText
import ProcessSupport
import Testing

/// A replica that missed a write becomes the server that everybody uses. It holds the old row under the old generations,
/// which fit each other.
@Suite("Row 42: Redis fails over to a replica that missed a write")
struct FailoverTests {
    private static let sql = "SELECT n FROM items"

    /// Two proxies behind one address, and the server behind that address, with a replica.
    private struct Cluster {
        let freshness: Freshness
        let primary: OwnRedis
        let replica: OwnRedis
        /// The address that the proxies know.
        let address: Relay
        /// Between the replica and its primary.
        let replication: Relay

        static func with(
            _ site: Site,
            withoutGuard missingGuard: String? = nil,
            _ body: (Cluster) async throws -> Void
        ) async throws {
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let primary = try #require(site.ownRedis)
            let address = try await Relay.start(to: primary.port)
            let replication = try await Relay.start(to: primary.port)
            let replica = try await OwnRedis(
                in: site.folder.appending(path: "replica"),
                replicaOf: replication.port
            )
            do {
                let one = try await site.proxy(["REDIS_URL": address.url], withoutGuard: missingGuard)
                let other = try await site.proxy(["REDIS_URL": address.url], withoutGuard: missingGuard)
                let freshness = Freshness(writer: try await one.client(), other: try await other.client())
                try await body(
                    Cluster(
                        freshness: freshness,
                        primary: primary,
                        replica: replica,
                        address: address,
                        replication: replication
                    )
                )
            } catch {
                await replica.stop()
                throw error
            }
            await replica.stop()
            await replication.stop()
            await address.stop()
        }

        /// Both hold the row, and so does the replica; then the replica is cut off, and the row is changed.
        func missWrite() async throws {
            try await freshness.fill(sql)
            // What comes to the replica after everything else. (WAIT asks for the writes of its own connection alone.)
            #expect(try await primary.reply("SET last 1") == "+OK")
            let hasFollowed = try await eventually(within: .seconds(10)) {
                try await replica.reply("EXISTS last") == ":1"
            }
            try #require(hasFollowed)
            await replication.cut()
            let written = try await freshness.writer.query("UPDATE items SET n = 2")
            #expect(written.isComplete == true, "\(written)")
        }

        func promote() async throws {
            #expect(try await replica.reply("REPLICAOF NO ONE") == "+OK")
        }

        /// Waits until heartbeats come from the new server.
        func isHeardAgain() async throws {
            let client = freshness.other
            let before = try await client.stats()["redis"]?["messages"]?.int ?? 0
            let isHeard = try await eventually(within: .seconds(10)) {
                try await client.stats()["redis"]?["messages"]?.int ?? 0 > before + 1
            }
            #expect(isHeard)
        }

        /// A strict read of either proxy that Redis answered.
        func strictRows(of client: LineClient) async throws -> String? {
            let answer = try await client.query(sql, #""consistency":"strict""#)
            return answer.origin == "redis" ? answer.rows : nil
        }
    }

    @Test("The proxies see that it is another server, begin a new epoch, and serve nothing of what it holds")
    func failover() async throws {
        try await Site.open(redis: .own) { site in
            try await Cluster.with(site) { cluster in
                try await cluster.missWrite()
                let epoch = try await cluster.replica.reply("GET \(site.name):cistern:g:e")
                try await cluster.promote()
                await cluster.address.redirect(to: cluster.replica.port)
                // While the proxies come to it, and after.
                for _ in 0..<60 {
                    for client in [cluster.freshness.writer, cluster.freshness.other] {
                        let strict = try await client.query(Self.sql, #""consistency":"strict""#)
                        try #require(strict.rows == "[[2]]", "strict: \(strict)")
                    }
                    let bounded = try await cluster.freshness.writer.query(Self.sql)
                    try #require(bounded.rows == "[[2]]", "bounded: \(bounded)")
                    try await Task.sleep(for: .milliseconds(5))
                }
                for client in [cluster.freshness.writer, cluster.freshness.other] {
                    let isUsed = try await eventually(within: .seconds(5)) {
                        try await cluster.strictRows(of: client) == "[[2]]"
                    }
                    #expect(isUsed)
                }
                #expect(try await cluster.replica.reply("EXISTS \(site.name):cistern:g:e") == ":1")
                #expect(epoch.hasPrefix("$"), "the replica had the epoch: \(epoch)")
                try await cluster.freshness.expectFresh(Self.sql, after: "a fail-over")
            }
        }
    }

    @Test("A replica that is not promoted yet is not used; once it is, it is")
    func promotedLate() async throws {
        try await Site.open(redis: .own) { site in
            try await Cluster.with(site) { cluster in
                try await cluster.missWrite()
                await cluster.address.redirect(to: cluster.replica.port)
                for _ in 0..<60 {
                    for client in [cluster.freshness.writer, cluster.freshness.other] {
                        let strict = try await client.query(Self.sql, #""consistency":"strict""#)
                        try #require(strict.rows == "[[2]]" && strict.origin != "redis", "strict: \(strict)")
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
                try await cluster.promote()
                let isUsed = try await eventually(within: .seconds(10)) {
                    try await cluster.strictRows(of: cluster.freshness.other) == "[[2]]"
                }
                #expect(isUsed)
                try await cluster.freshness.expectFresh(Self.sql, after: "a late promotion")
            }
        }
    }

    @Test("It is noticed when the guard is off: the old row is served from the replica")
    func withoutEpoch() async throws {
        try await Site.open(redis: .own) { site in
            try await Cluster.with(site, withoutGuard: "begins-epoch-on-another-server") { cluster in
                // One for each look: where Redis is not used again yet, a look stores the new row.
                let client = cluster.freshness.other
                let questions = (0..<200).map { "SELECT n, \($0) FROM items" }
                for question in questions { _ = try await client.query(question) }
                try await cluster.missWrite()
                try await cluster.promote()
                await cluster.address.redirect(to: cluster.replica.port)
                try await cluster.isHeardAgain()
                var rest = questions[...]
                var answers: [String] = []
                let isStale = try await eventually(within: .seconds(10), every: .milliseconds(50)) {
                    guard let question = rest.popFirst() else { return false }
                    let answer = try await client.query(question, #""consistency":"strict""#)
                    answers.append("\(answer.origin) \(answer.rows)")
                    return answer.origin == "redis" && answer.rows.hasPrefix("[[1,")
                }
                #expect(isStale, "\(answers.prefix(3)) … \(answers.suffix(3))")
            }
        }
    }
}
