import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("SIGHUP: what can be reloaded is, the rest is named, and a bad file changes nothing")
struct ReloadTests {
    private static func write(_ text: String, for proxy: Int, in site: Site) throws {
        try text.write(to: site.folder.appending(path: "proxy\(proxy).conf"), atomically: true, encoding: .utf8)
    }

    @Test("A lower time to live shortens what is stored, here and in Redis; a longer one is taken for what comes")
    func timeToLive() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE things AS SELECT 1 AS id")
            let proxy = try await site.proxy(file: "[ttl]\nthings = '1h'")
            let client = try await proxy.client()
            let query = "SELECT id FROM things"
            #expect(try await client.query(query).cache == "miss")
            let long = try await client.query(query)
            #expect(long.cache == "memory")
            #expect((long.remaining ?? 0) > 1_000_000)
            try Self.write("[ttl]\nthings = '30s'", for: 0, in: site)
            proxy.process.send(signal: SIGHUP)
            #expect(try await eventually(within: .seconds(5)) { proxy.log.contains("the configuration was reloaded") })
            let short = try await client.query(query)
            #expect(short.cache == "memory")
            #expect((short.remaining ?? .max) <= 30_000)
            // The entry in Redis was stored for an hour.
            #expect((try await client.query(query, #""consistency":"strict""#).remaining ?? .max) <= 30_000)
            #expect(proxy.log.contains("changed=ttl.things"))

            try Self.write("[ttl]\nthings = '0'", for: 0, in: site)
            proxy.process.send(signal: SIGHUP)
            #expect(try await eventually(within: .seconds(5)) { try await client.query(query).reason == "ttl_zero" })
        }
    }

    @Test("A table that moves to another namespace is found there, although its statements are known")
    func namespaceTables() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE things (id int)")
            let proxy = try await site.proxy(file: "[namespace.one]\ntables = ['\(site.name).things']\nttl = '10s'")
            let client = try await proxy.client()
            #expect((try await client.query("SELECT id FROM things").remaining ?? .max) <= 10_000)
            try Self.write("[namespace.two]\ntables = ['\(site.name).things']\nttl = '1h'", for: 0, in: site)
            proxy.process.send(signal: SIGHUP)
            let isMoved = try await eventually(within: .seconds(5)) {
                (try await client.query("SELECT id FROM things").remaining ?? 0) > 100_000
            }
            #expect(isMoved, "\(proxy.log)")
        }
    }

    @Test("Limits, allowed settings, memory and log levels change; ports and URLs are named")
    func limits() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(file: "[log]\nlevel = 'info'")
            let client = try await proxy.client()
            #expect(try await client.query("SELECT 1", #""settings":{"work_mem":"1MB"}"#).code == "forbidden")
            try Self.write(
                """
                [listen]
                max_connections = 1
                max_in_flight = 5
                [postgres]
                allowed_settings = ["work_mem"]
                pool_minimum = 2
                [redis]
                max_connections = 3
                [cache]
                memory = "1MB"
                [log]
                level = "error"
                format = "json"
                """,
                for: 0,
                in: site
            )
            proxy.process.send(signal: SIGHUP)
            #expect(
                try await eventually(within: .seconds(5)) {
                    try await client.stats()["memory"]?["budget_bytes"]?.int == 1 << 20
                }
            )
            #expect(try await client.query("SELECT 1", #""settings":{"work_mem":"1MB"}"#).isOK)
            let second = try await proxy.client()
            #expect(try await second.nextLine().contains("too many connections (1)"))
            #expect(try await eventually(within: .seconds(5)) { proxy.log.contains("was reloaded") }, "\(proxy.log)")
            #expect(proxy.log.contains("key=redis.max_connections"), "\(proxy.log)")
            #expect(proxy.log.contains("key=postgres.pool_minimum"), "\(proxy.log)")
            // From now on errors alone are written, and as JSON.
            let before = proxy.log
            try Self.write("[listen\n", for: 0, in: site)
            proxy.process.send(signal: SIGHUP)
            #expect(try await eventually(within: .seconds(5)) { proxy.log.count > before.count })
            let line = try #require(proxy.log.dropFirst(before.count).split(separator: "\n").first)
            let error = try Answer(String(line)).json
            #expect(error["level"]?.string == "error")
            #expect(error["problem"]?.string?.contains("proxy0.conf:1:") == true, "\(line)")
        }
    }

    @Test("A file with a mistake changes nothing, and the log says where it is; a file that is gone likewise")
    func badFile() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(file: "[cache]\nmemory = '2MB'\n[ttl]\ndefault = '10s'")
            let client = try await proxy.client()
            try Self.write("[cache]\nmemory = '3MB'\n[ttl]\ndefault = 'soon'", for: 0, in: site)
            proxy.process.send(signal: SIGHUP)
            #expect(
                try await eventually(within: .seconds(5)) { proxy.log.contains("the configuration was not reloaded") }
            )
            #expect(proxy.log.contains("proxy0.conf:4:11: ttl.default"), "\(proxy.log)")
            try FileManager.default.removeItem(at: site.folder.appending(path: "proxy0.conf"))
            proxy.process.send(signal: SIGHUP)
            #expect(
                try await eventually(within: .seconds(5)) {
                    proxy.log.split(separator: "\n").filter { $0.contains("was not reloaded") }.count == 2
                }
            )
            #expect(try await client.stats()["memory"]?["budget_bytes"]?.int == 2 << 20)
        }
    }

    @Test("Reloads while requests are answered fail none of them")
    func underLoad() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE things AS SELECT 1 AS id")
            let texts = [
                "[ttl]\nthings = '1h'\n[cache]\nmemory = '0'", "[ttl]\nthings = '5s'\n[cache]\nmemory = '4MB'",
            ]
            let proxy = try await site.proxy(file: texts[0])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let client = try await proxy.client()
                        for number in 0..<400 {
                            let answer = try await client.query("SELECT id, \(number % 20) FROM things")
                            #expect(answer.isOK, "\(answer)")
                        }
                        await client.close()
                    }
                }
                group.addTask {
                    for number in 1...20 {
                        try Self.write(texts[number % 2], for: 0, in: site)
                        proxy.process.send(signal: SIGHUP)
                        let done = try await eventually(within: .seconds(5)) {
                            proxy.log.split(separator: "\n").filter { $0.contains("configuration was reloaded") }.count
                                >= number
                        }
                        #expect(done, "\(proxy.log)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
