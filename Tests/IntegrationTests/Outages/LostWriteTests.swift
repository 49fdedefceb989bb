import Foundation
import JSONText
import ProcessSupport
import Testing

/// The connection to PostgreSQL is lost around a COMMIT. The process at the other end may not know, and commit later.
@Suite("Writes whose connection was lost")
struct LostWriteTests {
    private static let sql = "SELECT n FROM items"
    private static let write = "UPDATE items SET n = held(n + 1, 60)"

    private static func port(of site: Site) throws -> Int {
        let words = try Database.url.split(separator: " ")
        return try #require(words.first { $0.hasPrefix("port=") }.flatMap { Int($0.dropFirst(5)) })
    }

    private static func backends(_ site: Site) async throws -> String? {
        try await site.database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(site.name)' AND query LIKE '%held(n + 1, 60)%'"
        )
    }

    /// What Redis's entry answers elsewhere, and what is true, once the process that was cut off has ended.
    private static func outcome(
        _ site: Site,
        withoutGuard missingGuard: String? = nil
    ) async throws -> (served: String, truth: String) {
        try await site.makeHeldFunction()
        try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
        let relay = try await Relay.start(to: port(of: site))
        let url = site.postgresURL.replacing("port=\(try port(of: site))", with: "port=\(relay.port)")
        let proxy = try await site.proxy(["DATABASE_URL": url], withoutGuard: missingGuard)
        let writer = try await proxy.client()
        let other = try await site.client()
        try await site.holding(lock: 60) { release in
            async let lost = writer.query(write)
            #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
            await relay.abandon()
            let answer = try await lost
            #expect(answer.code == "postgres_unavailable", "\(answer)")
            #expect(answer.message.contains("unknown"), "\(answer)")
            if missingGuard == nil {
                let hasEnded = try await eventually(within: .seconds(5)) { try await backends(site) == "0" }
                #expect(hasEnded)
            }
            // The old row is the present one; it is stored.
            #expect(try await other.query(sql, #""consistency":"strict""#).rows == "[[1]]")
            #expect(try await other.query(sql, #""consistency":"strict""#).rows == "[[1]]")
            try await release()
        }
        let hasEnded = try await eventually(within: .seconds(5)) {
            try await site.database.value(
                "SELECT count(*) FROM pg_locks WHERE relation = '\(site.name).items'::regclass AND NOT fastpath"
            ) == "0"
        }
        #expect(hasEnded)
        var served = ""
        var truth = ""
        _ = try await eventually(within: .seconds(1)) {
            truth = "[[\(try await site.database.value(sql) ?? "")]]"
            served = try await other.query(sql, #""consistency":"strict""#).rows
            return served != truth
        }
        await relay.stop()
        return (served, truth)
    }

    @Test("The process that was cut off is seen to its end, and nothing stale stays")
    func seenToItsEnd() async throws {
        try await Site.open(redis: .own) { site in
            let outcome = try await Self.outcome(site)
            #expect(outcome.served == outcome.truth)
        }
    }

    @Test("It is noticed when the guard is off: the process commits, and the old row stays")
    func withoutWatch() async throws {
        try await Site.open(redis: .own) { site in
            let outcome = try await Self.outcome(site, withoutGuard: "watches-lost-backends")
            #expect(outcome.served == "[[1]]" && outcome.truth == "[[2]]")
        }
    }

    @Test("A killed proxy's statement is given up by PostgreSQL before the other proxies begin anew")
    func killedProxy() async throws {
        try await Site.open(redis: .own) { site in
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let proxy = try await site.proxy()
            let writer = try await proxy.client()
            try await site.holding(lock: 60) { release in
                writer.sendWithoutWaiting(Self.write + "\n")
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                await proxy.process.killNow()
                let hasEnded = try await eventually(within: .seconds(4)) { try await Self.backends(site) == "0" }
                #expect(hasEnded)
                try await release()
            }
            #expect(try await site.database.value(Self.sql) == "1")
        }
    }
}

/// Time limits of a request's own.
@Suite("A request's own time limit")
struct TimeLimitTests {
    @Test("Waiting for a connection is part of a write's time")
    func busyPool() async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let proxy = try await site.proxy(["CISTERN_POSTGRES_POOL_SIZE": "1"])
            let (holder, client) = (try await proxy.client(), try await proxy.client())
            try await site.holding(lock: 61) { release in
                holder.sendWithoutWaiting("SELECT held(1, 61)\n")
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                for statement in ["UPDATE items SET n = 2", "SELECT random()", "CREATE TABLE made (n int)"] {
                    let start = ContinuousClock.now
                    let answer = try await client.query(statement, #""timeout_ms":200"#)
                    let time = start.duration(to: .now)
                    #expect(answer.code == "timeout", "\(statement): \(answer)")
                    #expect(time >= .milliseconds(190) && time < .seconds(2), "\(statement) took \(time)")
                }
                let transaction = try await client.ask(
                    #"{"op":"transaction","timeout_ms":200,"statements":[{"sql":"UPDATE items SET n = 3"}]}"#
                )
                #expect(transaction.code == "timeout", "\(transaction)")
                try await release()
            }
            #expect(try await client.query("SELECT n FROM items").rows == "[[1]]")
        }
    }

    @Test("stale_if_error: PostgreSQL too slow for the caller's own time-out is too slow")
    func staleForTheImpatient() async throws {
        try await Site.open { site in
            try await site.makeHeldFunction()
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            for memory in ["64MB", "0"] {
                let file = """
                    [namespace.lasting]
                    tables = ["\(site.name).items"]
                    ttl = "150ms"
                    stale_if_error = "1h"
                    [namespace.strict]
                    ttl = "150ms"
                    """
                let client = try await site.proxy(["CISTERN_CACHE_MEMORY": memory], file: file).client()
                let sql = "SELECT held(n, 62) FROM items"
                for members in [#""ttl":0.15"#, #""ns":"strict""#] {
                    #expect(try await client.query(sql, members).rows == "[[1]]")
                }
                try await Task.sleep(for: .milliseconds(200))
                try await site.holding(lock: 62) { release in
                    let stale = try await client.query(sql, #""timeout_ms":150"#, #""ttl":0.15"#)
                    #expect(stale.origin == "stale" && stale.rows == "[[1]]", "\(stale)")
                    #expect(stale.age ?? 0 >= 150, "\(stale)")
                    let late = try await client.query(sql, #""timeout_ms":150"#, #""ns":"strict""#)
                    #expect(late.code == "timeout", "\(late)")
                    let fresh = try await client.query(sql, #""timeout_ms":150"#, #""max_age_ms":100"#)
                    #expect(fresh.code == "timeout", "\(fresh)")
                    try await release()
                }
                // Nothing that was written through a proxy is answered stale.
                #expect(try await client.query("UPDATE items SET n = n").isOK)
                try await site.holding(lock: 62) { release in
                    let late = try await client.query(sql, #""timeout_ms":150"#)
                    #expect(late.code == "timeout", "\(late)")
                    try await release()
                }
            }
        }
    }
}
