import JSONText
import ProcessSupport
import Synchronization
import Testing

/// A fill that began before a write must not outlive it.
@Suite("Races of reads and writes")
struct StaleReadTests {
    private static let sql = "SELECT held(n, 36) FROM items WHERE id = 1"

    private static func makeItems(_ site: Site) async throws {
        try await site.makeHeldFunction()
        try await site.database.execute(
            "CREATE TABLE items (id int PRIMARY KEY, n int)",
            "INSERT INTO items VALUES (1, 1), (2, 2)"
        )
    }

    /// What was answered when a write came in between a slow read's question and its answer.
    private struct Outcome {
        /// On the proxy that read, after the read: its generations compared, and not.
        var strict = ""
        var bounded = ""
        /// On the proxy that wrote.
        var writer = ""
        /// Asked between the write and the end of the slow read, on the proxy that wrote.
        var late = ""
    }

    /// - Parameters:
    ///   - isElsewhere: the write goes through another proxy.
    ///   - isAskedLate: somebody asks between the write and the end of the slow read. (His answer may hide what the
    ///     slow read stored.)
    ///   - withoutGuard: switched off on the proxy that reads.
    private static func race(
        _ site: Site,
        isElsewhere: Bool,
        isAskedLate: Bool,
        withoutGuard missingGuard: String? = nil
    ) async throws -> Outcome {
        try await makeItems(site)
        let proxy = try await site.proxy(withoutGuard: missingGuard)
        let reader = try await proxy.client()
        let writing = isElsewhere ? try await site.proxy() : proxy
        let writer = try await writing.client()
        let late = try await writing.client()
        var outcome = try await site.holding(lock: 36) { release in
            var outcome = Outcome()
            async let slow = reader.query(sql)
            #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
            #expect(try await writer.query("UPDATE items SET n = 10 WHERE id = 1").isComplete == true)
            if isAskedLate {
                async let after = late.query(sql)
                let hasBoarded =
                    missingGuard == "joins-only-current-flights"
                    ? try await eventually(within: .seconds(5)) {
                        try await writer.stats()["flights"]?["joined"]?.int == 1
                    } : try await site.database.waitForAdvisoryLocks(of: site.name, count: 2)
                #expect(hasBoarded)
                try await release()
                outcome.late = try await after.rows
            } else {
                try await release()
            }
            #expect(try await slow.isOK)
            return outcome
        }
        outcome.strict = try await reader.query(sql, #""consistency":"strict""#).rows
        outcome.writer = try await writer.query(sql).rows
        _ = try await eventually(within: .seconds(1)) {
            outcome.bounded = try await reader.query(sql).rows
            return outcome.bounded == "[[10]]"
        }
        return outcome
    }

    @Test("Row 36: a write elsewhere commits while a slow read of the old row runs: the old row does not stay")
    func writeElsewhere() async throws {
        try await Site.open { site in
            let outcome = try await Self.race(site, isElsewhere: true, isAskedLate: false)
            #expect(outcome.strict == "[[10]]")
            #expect(outcome.writer == "[[10]]")
            #expect(outcome.bounded == "[[10]]")
        }
    }

    @Test(
        "Row 37: the same in this process's memory, with Redis and without",
        arguments: [true, false],
        [true, false]
    )
    func writeHere(hasRedis: Bool, isAskedLate: Bool) async throws {
        try await Site.open(redis: hasRedis ? .shared : .none) { site in
            let outcome = try await Self.race(site, isElsewhere: false, isAskedLate: isAskedLate)
            if isAskedLate { #expect(outcome.late == "[[10]]", "it joined the flight from before the write") }
            #expect(outcome.writer == "[[10]]")
            #expect(outcome.bounded == "[[10]]")
        }
    }

    @Test("Rows 36 and 37 are noticed when a guard is off: the old row comes back")
    func withoutGuards() async throws {
        func race(
            _ redis: Site.RedisChoice,
            _ missingGuard: String,
            isAskedLate: Bool = false,
            _ judge: @escaping @Sendable (Outcome) -> Void
        ) async throws {
            try await Site.open(redis: redis) { site in
                judge(
                    try await Self.race(
                        site,
                        isElsewhere: false,
                        isAskedLate: isAskedLate,
                        withoutGuard: missingGuard
                    )
                )
            }
        }
        try await race(.shared, "fills-under-earlier-generations") { #expect($0.strict == "[[1]]") }
        try await race(.none, "inserts-only-if-unseen") { #expect($0.bounded == "[[1]]") }
        try await race(.none, "joins-only-current-flights", isAskedLate: true) { #expect($0.late == "[[1]]") }
    }

    @Test("Row 43: FLUSHALL in the middle of a fill, and before a write")
    func flushed() async throws {
        try await Site.open(redis: .own) { site in
            try await Self.makeItems(site)
            let redis = try #require(site.ownRedis)
            let freshness = try await site.freshness()
            try await site.holding(lock: 36) { release in
                async let slow = freshness.other.query(Self.sql)
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                #expect(try await redis.reply("FLUSHALL") == "+OK")
                #expect(try await freshness.writer.query("UPDATE items SET n = 10 WHERE id = 1").isOK)
                try await release()
                #expect(try await slow.isOK)
            }
            try await freshness.expectFresh(Self.sql, after: "FLUSHALL and an UPDATE")
            for round in 1...5 {
                let reads = ["SELECT n FROM items ORDER BY id"]
                try await freshness.fill(reads[0])
                #expect(try await redis.reply("FLUSHALL") == "+OK")
                #expect(try await freshness.writer.query("UPDATE items SET n = n + \(round)").isOK)
                try await freshness.expectFresh(reads[0], after: "FLUSHALL and UPDATE \(round)")
            }
        }
    }

    @Test("Row 44: a pattern is invalidated while an entry that it names is being filled")
    func pattern() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            let (reader, writer) = try await site.pair()
            let tags = #""tags":["product:1"]"#
            try await site.holding(lock: 36) { release in
                async let slow = reader.query(Self.sql, tags)
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                // The row is changed past the proxies: only the pattern can tell.
                try await site.database.execute("UPDATE items SET n = 10 WHERE id = 1", "CREATE TABLE others (n int)")
                let write = try await writer.query("INSERT INTO others VALUES (1)", #""invalidate":["prod*:[0-9]"]"#)
                #expect(write.isComplete == true, "\(write)")
                try await release()
                #expect(try await slow.isOK)
            }
            #expect(try await reader.query(Self.sql, tags, #""consistency":"strict""#).rows == "[[10]]")
            #expect(try await writer.query(Self.sql, tags).rows == "[[10]]")
            let isFresh = try await eventually(within: .seconds(1)) {
                try await reader.query(Self.sql, tags).rows == "[[10]]"
            }
            #expect(isFresh)
        }
    }

    @Test("Row 45: an empty result is cached, then a row inserted")
    func emptyResult() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items (id int, n int)")
            let freshness = try await site.freshness()
            let reads = ["SELECT * FROM items WHERE id = 1", "SELECT max(n) FROM items", "SELECT 1 FROM items"]
            for sql in reads { #expect(["[]", "[[null]]"].contains(try await freshness.writer.query(sql).rows)) }
            try await freshness.check("INSERT INTO items VALUES (1, 5)", reads: reads)
        }
    }

    @Test("A read that starts after a write was answered never sees an older row: writers and readers on three proxies")
    func hammer() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE counters (id int PRIMARY KEY, n int)",
                "INSERT INTO counters SELECT i, 0 FROM generate_series(0, 3) AS i"
            )
            var proxies: [CisternProcess] = []
            for _ in 0..<3 { proxies.append(try await site.proxy()) }
            let all = proxies
            let ledger = Ledger()
            let end = ContinuousClock.now + .seconds(3)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for counter in 0..<4 {
                    let home = counter % 3
                    group.addTask { try await Self.write(counter, through: all[home].client(), ledger, until: end) }
                    group.addTask {
                        try await Self.read(counter, through: all[home].client(), "bounded", ledger, until: end)
                    }
                    for proxy in all {
                        group.addTask {
                            try await Self.read(counter, through: proxy.client(), "strict", ledger, until: end)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let seen = ledger.seen.withLock { $0 }
            #expect(seen.old == 0, "of \(seen)")
            #expect(seen.reads > 500 && seen.hits > 100 && seen.writes > 50, "too little happened: \(seen)")
        }
    }

    private struct Figures {
        var reads = 0
        var hits = 0
        var writes = 0
        var old = 0
    }

    private final class Ledger: Sendable {
        /// The value of each counter whose write was answered last.
        let answered = Mutex([0, 0, 0, 0])
        let seen = Mutex(Figures())
    }

    private static func write(
        _ counter: Int,
        through client: LineClient,
        _ ledger: Ledger,
        until end: ContinuousClock.Instant
    ) async throws {
        var value = 0
        while ContinuousClock.now < end {
            value += 1
            let answer = try await client.query(
                "UPDATE counters SET n = $1 WHERE id = $2",
                "\"params\":[\(value),\(counter)]"
            )
            #expect(answer.isComplete == true, "\(answer)")
            ledger.answered.withLock { [value] in $0[counter] = value }
            ledger.seen.withLock { $0.writes += 1 }
            // Between two writes readers have time to find their answers in a cache.
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...25)))
        }
    }

    private static func read(
        _ counter: Int,
        through client: LineClient,
        _ consistency: String,
        _ ledger: Ledger,
        until end: ContinuousClock.Instant
    ) async throws {
        while ContinuousClock.now < end {
            let known = ledger.answered.withLock { $0[counter] }
            let answer = try await client.query(
                "SELECT n FROM counters WHERE id = $1",
                "\"params\":[\(counter)]",
                "\"consistency\":\"\(consistency)\""
            )
            let value = answer.json["rows"]?.array?.first?.array?.first?.int ?? -1
            ledger.seen.withLock { seen in
                seen.reads += 1
                if answer.origin != "miss" { seen.hits += 1 }
                if value < known { seen.old += 1 }
            }
            #expect(value >= known, "\(consistency): \(known) was answered before \(answer)")
        }
    }
}
