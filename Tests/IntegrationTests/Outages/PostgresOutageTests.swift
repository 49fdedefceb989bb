import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("PostgreSQL goes away and comes back")
struct PostgresOutageTests {
    @Test("PostgreSQL stopped: hits go on, misses fail at once or get a stale answer; started: no restart is needed")
    func stopped() async throws {
        try await Site.open(alone: true) { site in
            let postgres = try await OwnPostgres(in: site.folder)
            do {
                try await Self.check(site, postgres)
                try await postgres.stop()
            } catch {
                try? await postgres.stop()
                throw error
            }
        }
    }

    private static func check(_ site: Site, _ postgres: OwnPostgres) async throws {
        try await Database.with(url: postgres.url) { database in
            try await database.execute("CREATE TABLE items AS SELECT 1 AS n", "CREATE TABLE lasting AS SELECT 1 AS n")
        }
        let file = """
            [ttl]
            default = "1h"
            [namespace.lasting]
            ttl = "150ms"
            stale_if_error = "1h"
            """
        let proxy = try await site.proxy(["DATABASE_URL": postgres.url], file: file)
        let client = try await proxy.client()
        #expect(try await client.query("SELECT n FROM items").origin == "miss")
        #expect(try await client.query("SELECT n FROM lasting").origin == "miss")
        try await postgres.stop()
        // The first may be the one that notices.
        _ = try await client.query("SELECT n + 0 FROM items")
        for number in 1...5 {
            let start = ContinuousClock.now
            let answer = try await client.query("SELECT n + \(number) FROM items")
            #expect(answer.code == "postgres_unavailable", "\(answer)")
            #expect(start.duration(to: .now) < .milliseconds(100), "a miss took \(start.duration(to: .now))")
        }
        let write = try await client.query("UPDATE items SET n = 2")
        #expect(write.code == "postgres_unavailable", "\(write)")
        #expect(try await client.query("SELECT n FROM items").origin == "memory")
        let isStale = try await eventually(within: .seconds(2)) {
            try await client.query("SELECT n FROM lasting").origin == "stale"
        }
        #expect(isStale)
        let stale = try await client.query("SELECT n FROM lasting")
        #expect(stale.rows == "[[1]]" && stale.age ?? 0 >= 100, "\(stale)")
        #expect(try await client.stats()["postgres"]?["available"]?.bool == false)
        try await postgres.start()
        let isBack = try await eventually(within: .seconds(5)) {
            try await client.query("SELECT n + 9 FROM items").rows == "[[10]]"
        }
        #expect(isBack)
        #expect(try await client.query("UPDATE items SET n = 2").isOK)
        #expect(try await client.query("SELECT n FROM items").rows == "[[2]]")
    }

    @Test("A proxy that starts without PostgreSQL answers, and serves once it is there")
    func startedWithout() async throws {
        try await Site.open { site in
            let port = try await freePort()
            let proxy = try await site.proxy(
                ["DATABASE_URL": "host=127.0.0.1 port=\(port) user=x dbname=x"],
                isAwaited: false
            )
            let client = try await proxy.client()
            let answer = try await client.query("SELECT 1")
            #expect(answer.code == "postgres_unavailable", "\(answer)")
            #expect(try await client.ask("PING").json["pong"]?.bool == true)
        }
    }

    @Test("stale_while_revalidate from a configuration file: the old answer at once, the new one right after")
    func staleWhileRevalidate() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let file = """
                [namespace.slow]
                tables = ["\(site.name).items"]
                ttl = "200ms"
                stale_while_revalidate = "1h"
                """
            let (one, other) = (try await site.proxy(file: file), try await site.proxy(file: file))
            for proxy in [one, other] {
                let client = try await proxy.client()
                #expect(["miss", "redis"].contains(try await client.query("SELECT n FROM items").origin))
            }
            let client = try await one.client()
            try await site.database.execute("UPDATE items SET n = 2")
            var origins: [String] = []
            let isRefreshed = try await eventually(within: .seconds(3)) {
                let answer = try await client.query("SELECT n FROM items")
                origins.append(answer.origin)
                return answer.rows == "[[2]]"
            }
            #expect(isRefreshed)
            #expect(origins.contains("stale"), "\(origins)")
            #expect(Set(origins).isSubset(of: ["memory", "stale", "redis"]), "somebody waited: \(origins)")
            // A write through the proxy is no matter of time: it is never answered by what it made stale.
            #expect(try await client.query("UPDATE items SET n = 3").isOK)
            #expect(try await client.query("SELECT n FROM items").rows == "[[3]]")
        }
    }

    @Test("Row 53: a connection that breaks in the middle of a result gives nobody half of it")
    func brokenResult() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE bomb AS SELECT true AS armed",
                "CREATE TABLE items AS SELECT i FROM generate_series(1, 20000) AS i",
                """
                CREATE FUNCTION fragile(i int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
                BEGIN
                    IF i = 15000 AND (SELECT armed FROM bomb) THEN
                        PERFORM pg_terminate_backend(pg_backend_pid());
                        PERFORM pg_sleep(5);
                    END IF;
                    RETURN repeat('x', 50) || i;
                END $$
                """
            )
            let (one, other) = try await site.pair()
            let sql = "SELECT fragile(i) FROM items"
            for client in [one, other] {
                let broken = try await client.query(sql)
                #expect(broken.isOK == false, "\(broken)")
                #expect(["postgres_unavailable", "sql_error"].contains(broken.code), "\(broken)")
            }
            try await site.database.execute("UPDATE bomb SET armed = false")
            for client in [one, other] {
                let whole = try await client.query(sql)
                #expect(whole.json["row_count"]?.int == 20000 && whole.json["rows"]?.array?.count == 20000, "\(whole)")
            }
        }
    }
}
