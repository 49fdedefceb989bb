import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("Pages over HTTP while all is well, and while something is away")
struct HealthTests {
    private static let token = "0123456789abcdef"
    private static let variables = ["CISTERN_LISTEN_HTTP": "127.0.0.1:0", "CISTERN_ADMIN_TOKEN": token]

    /// Every page that waits for a server, or might.
    private static let pages = [
        "/metrics", "/health", "/ready", "/health/redis", "/health/postgres", "/api/v1/stats", "/api/v1/config",
    ]

    /// Asks a page, which must answer soon whatever is away.
    private static func get(_ admin: AdminClient, _ path: String) async throws -> AdminClient.Page {
        let start = ContinuousClock.now
        let page = try await admin.get(path)
        let taken = start.duration(to: .now)
        #expect(taken < .seconds(6), "\(path) took \(taken)")
        return page
    }

    @Test("All is well: each says so, stats are those of the op, the configuration shows no secret")
    func well() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(Self.variables)
            let admin = try await proxy.admin()
            for page in Self.pages { #expect(try await admin.get(page).status == 200, "\(page)") }
            let redis = try await admin.get("/health/redis").json
            #expect(redis["status"]?.string == "healthy")
            #expect(redis["memory_used_mb"] != nil)
            #expect(try await admin.get("/health/postgres").json["status"]?.string == "healthy")
            let config = try await admin.get("/api/v1/config").text
            #expect(config.contains("[listen]") && config.contains("token = \"***\"") && !config.contains(Self.token))

            let client = try await proxy.client()
            let op = try await client.stats()
            let api = try await admin.get("/api/v1/stats").json
            for member in ["answers", "bypass", "errors", "namespaces", "flights", "statements", "connections"] {
                #expect(op[member] != nil && op[member] == api[member], "\(member)")
            }
            await client.close()
        }
    }

    @Test("Invalidation over HTTP drops what it names, for whoever shows the token, and for nobody else")
    func invalidation() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let proxy = try await site.proxy(Self.variables)
            let (admin, client) = (try await proxy.admin(), try await proxy.client())
            func origin() async throws -> String? {
                try await client.query("SELECT id FROM items", #""tags":["mine"]"#).cache
            }
            #expect(try await origin() == "miss")
            let body = #"{"tags":["mine"],"reason":"test"}"#
            #expect(try await admin.post("/api/v1/invalidate", body).status == 401)
            #expect(try await admin.post("/api/v1/invalidate", body, token: "guessed").status == 401)
            #expect(try await origin() == "memory")
            let told = try await admin.post("/api/v1/invalidate", body, token: Self.token)
            #expect(told.status == 200)
            #expect(try told.json["invalidated"]?["complete"]?.bool == true)
            #expect(try await origin() == "miss")
            for wrong in ["", "[]", "{}", #"{"tgas":[]}"#, #"{"op":"query"}"#, "nonsense"] {
                let page = try await admin.post("/api/v1/invalidate", wrong, token: Self.token)
                #expect(page.status == 400, "\(wrong): \(page.text)")
                #expect(try page.json["error"]?["code"]?.string == "bad_request")
            }
            await client.close()

            let other = try await site.proxy(["CISTERN_LISTEN_HTTP": "127.0.0.1:0"])
            let refused = try await other.admin().post("/api/v1/invalidate", body, token: Self.token)
            #expect(refused.status == 403)
            #expect(refused.text.contains("CISTERN_ADMIN_TOKEN"))
        }
    }

    @Test("Redis stopped, then hanging: its page says so in time, the others go on")
    func withoutRedis() async throws {
        try await Site.open(redis: .own) { site in
            let proxy = try await site.proxy(Self.variables.merging(["CISTERN_REDIS_SOCKET_TIMEOUT": "1s"]) { $1 })
            let (admin, redis) = (try await proxy.admin(), try #require(site.ownRedis))
            for isHanging in [false, true] {
                if isHanging { redis.send(signal: SIGSTOP) } else { await redis.stop() }
                let isSaid = try await eventually(within: .seconds(10)) {
                    try await Self.get(admin, "/health/redis").status == 503
                }
                #expect(isSaid)
                for page in Self.pages where page != "/health/redis" {
                    #expect(try await Self.get(admin, page).status == 200, "\(page)")
                }
                let health = try await Self.get(admin, "/health/redis").json
                #expect(health["status"]?.string == "unhealthy")
                #expect(health["error"]?.string?.contains("Redis") == true, "\(health.jsonText)")
                #expect(try await admin.get("/ready").json["away"]?.jsonText == #"["redis"]"#)
                let scrape = try await admin.scrape()
                #expect(scrape.value("cistern_redis_up") == 0)
                #expect(scrape.value("cistern_postgres_up") == 1)
                if isHanging { redis.send(signal: SIGCONT) } else { try await redis.start() }
                let isBack = try await eventually(within: .seconds(15)) {
                    try await Self.get(admin, "/health/redis").status == 200
                }
                #expect(isBack, "\(proxy.log)")
            }
            #expect(try await admin.scrape().value("cistern_redis_outages_total") ?? 0 >= 2)
        }
    }

    @Test("PostgreSQL never there: not ready, and why; a proxy that has met it stays ready without it")
    func withoutPostgres() async throws {
        try await Site.open { site in
            let variables = Self.variables.merging(["DATABASE_URL": "host=127.0.0.1 port=1 dbname=none"]) { $1 }
            let proxy = try await site.proxy(variables, isAwaited: false)
            let admin = try await proxy.admin()
            let isSaid = try await eventually(within: .seconds(10)) {
                try await admin.get("/ready").json["away"]?.jsonText == #"["postgres"]"#
            }
            #expect(isSaid)
            let ready = try await Self.get(admin, "/ready")
            #expect(ready.status == 503)
            #expect(ready.text.contains("PostgreSQL has not been reached yet"))
            let health = try await Self.get(admin, "/health/postgres")
            #expect(health.status == 503)
            #expect(
                try health.json["error"]?.string?.hasPrefix("PostgreSQL cannot be reached") == true,
                "\(health.text)"
            )
            for page in ["/metrics", "/health", "/health/redis", "/api/v1/stats", "/api/v1/config"] {
                #expect(try await Self.get(admin, page).status == 200, "\(page)")
            }
            #expect(try await admin.scrape().value("cistern_postgres_up") == 0)
            #expect(try await admin.scrape().value("cistern_postgres_connect_failures_total") ?? 0 > 0)
        }
    }

    @Test("All connections in use: the page says that, and not that PostgreSQL is away")
    func busyPostgres() async throws {
        try await Site.open(redis: .none) { site in
            try await site.makeHeldFunction()
            let proxy = try await site.proxy(Self.variables.merging(["CISTERN_POSTGRES_POOL_SIZE": "1"]) { $1 })
            let (admin, client) = (try await proxy.admin(), try await proxy.client())
            try await site.holding(lock: 9) { release in
                async let answer = client.query("SELECT held(1, 9)")
                _ = try await eventually(within: .seconds(5)) {
                    try await admin.scrape().value("cistern_postgres_connections", ["state": "in_use"]) == 1
                }
                let health = try await Self.get(admin, "/health/postgres")
                #expect(health.status == 503)
                #expect(health.text.contains("all 1 connections to PostgreSQL are in use"), "\(health.text)")
                try await release()
                #expect(try await answer.isOK)
            }
            await client.close()
        }
    }

    @Test("A storm of health checks asks Redis about once a second")
    func storm() async throws {
        try await Site.open(redis: .own) { site in
            let proxy = try await site.proxy(Self.variables)
            let (admin, redis) = (try await proxy.admin(), try #require(site.ownRedis))
            _ = try await redis.reply("CONFIG RESETSTAT")
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<300 {
                    group.addTask { () async throws in #expect(try await admin.get("/health/redis").status == 200) }
                }
                try await group.waitForAll()
            }
            let seconds = Int(start.duration(to: .now).components.seconds)
            let calls = try await Redis.commandCalls(port: redis.port, "info")
            #expect(calls <= seconds + 3, "\(calls) questions in \(seconds) s")
        }
    }

    @Test("Redis fills up: one warning in the log, and the page and the metrics say so")
    func memoryWarning() async throws {
        try await Site.open(redis: .own) { site in
            let redis = try #require(site.ownRedis)
            let proxy = try await site.proxy(
                Self.variables.merging(["CISTERN_REDIS_MEMORY_CHECK": "1s", "CISTERN_REDIS_MEMORY_WARNING": "0.5"]) {
                    $1
                }
            )
            let admin = try await proxy.admin()
            let isRead = try await eventually(within: .seconds(10)) {
                try await admin.scrape().value("redis_memory_usage_bytes") ?? 0 > 0
            }
            #expect(isRead)
            #expect(try await admin.scrape().value("cistern_redis_memory_high") == 0)
            #expect(!proxy.log.contains("Redis memory usage is high"))
            _ = try await redis.reply("CONFIG SET maxmemory 2000000")
            let isWarned = try await eventually(within: .seconds(10)) {
                proxy.log.contains("Redis memory usage is high")
            }
            #expect(isWarned, "\(proxy.log)")
            #expect(try await admin.scrape().value("cistern_redis_memory_high") == 1)
            #expect(try await admin.scrape().value("cistern_redis_memory_max_bytes") == 2_000_000)
            let health = try await admin.get("/health/redis").json
            #expect(health["memory_high"]?.bool == true && health["status"]?.string == "healthy")
            _ = try await redis.reply("CONFIG SET maxmemory 0")
            let isOver = try await eventually(within: .seconds(10)) {
                proxy.log.contains("Redis memory usage is back to normal")
            }
            #expect(isOver)
        }
    }

    @Test("An HTTP port that is taken ends the process with a message and status 69")
    func takenPort() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy(Self.variables)
            var environment = site.environment
            environment["CISTERN_LISTEN_LINE"] = "127.0.0.1:0"
            environment["CISTERN_LISTEN_HTTP"] = "127.0.0.1:\(try await proxy.admin().port)"
            let second = try CisternProcess.launch(
                ["serve"],
                environment,
                logFile: site.folder.appending(path: "second")
            )
            #expect(try await second.waitForEnd() == .exited(69), "\(second.log)")
            #expect(second.log.contains("it is in use; give [listen] http another address"), "\(second.log)")
        }
    }
}
