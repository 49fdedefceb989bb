import Foundation
import JSONText
import ProcessSupport
import Testing

/// What the HTTP pages say of queries, and the advice that real workloads lead to.
@Suite("Figures of queries, and advice")
struct WorkloadAdviceTests {
    private struct Served {
        let client: LineClient
        let http: Int

        init(_ site: Site, _ variables: [String: String] = [:]) async throws {
            http = try await freePort()
            let own = ["CISTERN_LISTEN_HTTP": "127.0.0.1:\(http)"]
            client = try await site.proxy(own.merging(variables) { _, other in other }).client()
        }

        func page(_ path: String) async throws -> JSONValue {
            let page = try await AdminPage.get(path, port: http)
            #expect(page.status == 200)
            return try page.json
        }

        /// The advice of a kind. Figures are kept for some seconds, so it may have to be waited for.
        func advice(_ kind: String, within limit: Duration = .seconds(15)) async throws -> JSONValue? {
            var found: JSONValue?
            _ = try await eventually(within: limit) {
                found = try await page("/api/v1/advice")["findings"]?.elements.first { $0["kind"]?.text == kind }
                return found != nil
            }
            return found
        }
    }

    @Test("The figures of a query are what was asked, whatever constants it had")
    func queries() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 50) AS i")
            let served = try await Served(site)
            let other = try await site.client()
            for id in 1...10 { _ = try await other.query("SELECT id FROM items WHERE id = \(id)") }
            for _ in 0..<5 {
                for id in 1...20 { _ = try await served.client.query("SELECT id FROM items WHERE id = \(id)") }
            }
            _ = try await served.client.query("SELECT id FROM items WHERE id = 1", "\"cache\":false")
            _ = try? await served.client.query("SELECT id FROM items WHERE id = 1 / 0")
            let queries = try await served.page("/api/v1/queries?sort=calls&limit=1")
            let query = try #require(queries["queries"]?.elements.first)
            #expect(queries["queries"]?.elements.count == 1)
            #expect(query["statement"]?.text?.contains("from items where id = ?int") == true, "\(query)")
            #expect(query["calls"]?.integer == 101)
            let sources = try #require(query["sources"])
            #expect(sources["memory"]?.integer == 80 && sources["redis"]?.integer == 10, "\(sources)")
            #expect(sources["miss"]?.integer == 10 && sources["bypass"]?.integer == 1, "\(sources)")
            #expect(query["hit_rate"]?.real == 0.9)
            #expect(query["postgres"]?["calls"]?.integer == 11)
            let (mean, saved) = (query["postgres"]?["mean_ms"]?.real ?? 0, query["time_saved_ms"]?.real ?? 0)
            #expect(mean > 0 && abs(saved - 90 * mean) <= 0.1, "\(query)")
            #expect(query["reason"]?.text == "client_request")
            #expect(query["misses"]?["unseen"]?.integer == 10)
            #expect((18...22).contains(query["entries_estimate"]?.integer ?? 0), "\(query)")
        }
    }

    @Test("Entries that expire before they are asked for again: the line of proxy.conf with a longer time to live")
    func ttlTooShort() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE products AS SELECT i AS id FROM generate_series(1, 50) AS i")
            let served = try await Served(site, ["CISTERN_TTL_PRODUCTS": "300ms"])
            // Others' large keys may lie in the same Redis, and be spoken of.
            #expect(try await served.advice("ttl_too_short", within: .milliseconds(1)) == nil)
            for _ in 0..<8 {
                for id in 1...40 {
                    _ = try await served.client.query("SELECT id FROM products WHERE id = $1", "\"params\":[\(id)]")
                }
                try await Task.sleep(for: .milliseconds(350))
            }
            let advice = try #require(try await served.advice("ttl_too_short"))
            #expect(advice["subject"]?.text == "products")
            #expect(advice["change"]?["in"]?.text == "proxy.conf")
            #expect(advice["change"]?["text"]?.text == "[ttl] products = \"300ms\" → \"900ms\"")
            #expect((advice["figures"]?["expired_soon"]?.real ?? 0) > 100)
        }
    }

    @Test("A table that is written all the time, and parameters that never come again")
    func writtenAndVaried() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE stock AS SELECT i AS id FROM generate_series(1, 50) AS i",
                "CREATE TABLE log AS SELECT i AS id FROM generate_series(1, 50) AS i"
            )
            let served = try await Served(site)
            for turn in 0..<120 {
                for id in 1...2 {
                    _ = try await served.client.query("SELECT id FROM stock WHERE id = $1", "\"params\":[\(id)]")
                }
                _ = try await served.client.query("UPDATE stock SET id = id WHERE id = 1")
                for half in 0..<2 {
                    let number = 2 * turn + half
                    _ = try await served.client.query("SELECT id FROM log WHERE id > $1", "\"params\":[\(number)]")
                }
            }
            let written = try #require(try await served.advice("written_too_often"))
            #expect(written["subject"]?.text == "stock")
            #expect((written["figures"]?["invalidated"]?.real ?? 0) >= 230)
            let varied = try #require(try await served.advice("varied_parameters"))
            #expect(varied["subject"]?.text?.contains("from log") == true)
        }
    }

    @Test("Sessions in a Redis that evicts, a Redis that is nearly full, and who fills it")
    func redis() async throws {
        try await Site.open(redis: .own) { site in
            try await site.database.execute(
                "CREATE TABLE products AS SELECT i AS id, repeat('x', 20000) AS text FROM generate_series(1, 60) AS i"
            )
            let redis = try #require(site.ownRedis)
            let served = try await Served(site)
            for id in 1...60 {
                _ = try await served.client.query("SELECT text FROM products WHERE id = $1", "\"params\":[\(id)]")
            }
            _ = try await Redis.reply(port: redis.port, "SET \(site.name):cistern:s:abc x EX 1000")
            let info = try #require(
                try await Redis.reply(
                    port: redis.port,
                    "EVAL \"return tonumber(string.match(redis.call('INFO','memory'),'used_memory:(%d+)'))\" 0"
                )
            )
            let used = try #require(Int(info.filter(\.isNumber)))
            // INFO's own buffers count too: with some room, it is over four fifths and nothing is evicted yet.
            _ = try await Redis.reply(port: redis.port, "CONFIG SET maxmemory \(used * 115 / 100)")
            _ = try await Redis.reply(port: redis.port, "CONFIG SET maxmemory-policy allkeys-lru")
            let sessions = try #require(try await served.advice("evicts_sessions"))
            #expect(sessions["change"]?["text"]?.text?.contains("allkeys-lru → noeviction") == true)
            let memory = try #require(try await served.advice("redis_memory"))
            #expect(memory["message"]?.text?.contains("products") == true, "\(memory)")
            #expect(memory["change"]?["text"]?.text == "[ttl] products = 300 → 100")
            #expect((memory["figures"]?["share_products"]?.real ?? 0) > 0.9)
        }
    }

    @Test("A query that PostgreSQL answers again and again, past the proxy")
    func outside() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE readings AS SELECT i AS id FROM generate_series(1, 9000) AS i"
            )
            try await site.database.execute(
                "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.0012); RETURN $1; END $$"
            )
            for _ in 0..<1000 {
                _ = try await site.database.rows("SELECT max(slow(id)) FROM readings WHERE id < 2")
            }
            let served = try await Served(site)
            let advice = try #require(try await served.advice("uncached_query"))
            #expect(advice["subject"]?.text?.contains("readings") == true, "\(advice)")
            #expect(advice["figures"]?["calls"]?.real == 1000)
        }
    }

    @Test("With Redis away there is still advice, and it is said what was not looked at")
    func away() async throws {
        try await Site.open(redis: .own) { site in
            let redis = try #require(site.ownRedis)
            let served = try await Served(site)
            await redis.stop()
            let isSaid = try await eventually(within: .seconds(60)) {
                let advice = try await served.page("/api/v1/advice")
                return advice["not_available"]?.elements.contains { $0["what"]?.text == "redis" } == true
            }
            #expect(isSaid)
        }
    }
}

extension JSONValue {
    fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
    fileprivate var integer: Int? { if case .number(let digits) = self { Int(digits) } else { nil } }
    fileprivate var real: Double? { if case .number(let digits) = self { Double(digits) } else { nil } }
}
