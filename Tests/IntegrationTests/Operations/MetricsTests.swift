import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("Metrics: they add up, and Prometheus's own tool finds nothing wrong with them")
struct MetricsTests {
    private static let sources = ["memory", "redis", "miss", "shared", "stale", "bypass"]
    private static let variables = ["CISTERN_LISTEN_HTTP": "127.0.0.1:0", "CISTERN_NAMESPACE_COLD_MEMORY": "false"]

    /// Some of everything: hits in memory and in Redis, misses, joined flights, bypasses for several reasons, writes, a
    /// transaction, errors of several kinds, namespaces that nobody configured.
    private static func runMixedLoad(_ site: Site, _ proxy: CisternProcess) async throws -> (lines: Int, pings: Int) {
        try await site.database.execute("CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 50) AS i")
        try await site.makeHeldFunction()
        let client = try await proxy.client()
        var lines = 0
        func ask(_ line: String) async throws {
            _ = try await client.exchange(line)
            lines += 1
        }
        for _ in 0..<3 {
            for id in 1...5 {
                for namespace in ["products", "cold", "made-up-\(id)"] {
                    let members = [#""params":[\#(id)]"#, #""ns":"\#(namespace)""#]
                    try await ask(LineClient.request("SELECT * FROM items WHERE id = $1", members))
                }
            }
        }
        for line in [
            "SELECT now()", "SELECT random()", "UPDATE items SET id = id WHERE id = 3",
            "SELECT no_such_column FROM items",
            "{\"sql\":", "SELECT 1; SELECT 2", "{\"op\":\"nothing\"}", "BEGIN",
            #"{"op":"transaction","statements":[{"sql":"SELECT 1"},{"sql":"UPDATE items SET id = id WHERE id = 4"}]}"#,
            #"{"op":"invalidate","tags":["a","b"],"ns":"products"}"#, #"{"op":"invalidate","all":true}"#,
        ] {
            try await ask(line)
        }
        try await site.holding(lock: 7) { release in
            let clients = try await [proxy.client(), proxy.client(), proxy.client()]
            async let answers: [String] = withThrowingTaskGroup(of: String.self) { group in
                for client in clients { group.addTask { try await client.exchange("SELECT held(1, 7)") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try #require(
                try await eventually(within: .seconds(10)) {
                    try await client.stats()["flights"]?["joined"]?.int == 2
                }
            )
            try await release()
            #expect(try await answers.count == 3)
            for client in clients { await client.close() }
        }
        lines += 3
        await client.close()
        return (lines, 1)
    }

    @Test("The equations between the figures hold after a load of everything")
    func equations() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(Self.variables)
            _ = try await Self.runMixedLoad(site, proxy)
            let scrape = try await proxy.admin().scrape()
            func requests(_ labels: [String: String]) -> Double { scrape.value("cistern_requests_total", labels) ?? -1 }
            let bySource = Dictionary(uniqueKeysWithValues: Self.sources.map { ($0, requests(["source": $0])) })
            for source in ["memory", "redis", "miss", "shared", "bypass"] {
                #expect(bySource[source] ?? 0 > 0, "the load has some of \(source)")
            }

            // A source's histogram has an observation for each of its answers.
            for source in Self.sources {
                let count = scrape.value("cistern_request_duration_seconds_count", ["source": source])
                #expect(count == bySource[source], "\(source)")
                let last = scrape.value("cistern_request_duration_seconds_bucket", ["source": source, "le": "+Inf"])
                #expect(last == count, "\(source)")
            }
            // The namespaces are the configured ones and "other", and add up to the whole.
            let namespaces = Set(
                scrape.samples.filter { $0.name == "cistern_requests_total" }.map { $0.labels["namespace"] }
            )
            #expect(namespaces.contains("cold") && namespaces.contains("other") && !namespaces.contains("made-up-1"))
            #expect(requests(["namespace": "other"]) == 15)
            // The reasons add up to the bypasses.
            #expect(scrape.value("cistern_bypass_total") == bySource["bypass"])
            // The reference document's counters, of queries alone since no value was asked for by key.
            let hits = Self.sources.filter { $0 != "miss" && $0 != "bypass" }.reduce(0) { $0 + (bySource[$1] ?? 0) }
            #expect(scrape.value("cache_hits_total") == hits)
            #expect(scrape.value("cache_misses_total") == bySource["miss"])
            #expect(scrape.value("cistern_spared_queries_total") == hits)
            #expect(scrape.value("cistern_spared_seconds_total") ?? 0 > 0)
            // Every miss began a flight, and who joined one was answered as shared.
            #expect(scrape.value("cistern_flights_started_total") == bySource["miss"])
            #expect(scrape.value("cistern_flights_joined_total") == bySource["shared"])
            // An entry is put into Redis by each miss.
            let sets = scrape.value("cache_operation_duration_seconds_count", ["operation": "set"])
            #expect(sets == bySource["miss"])

            // The op gives the same figures.
            let client = try await proxy.client()
            let stats = try await client.stats()
            for source in Self.sources {
                #expect(stats["answers"]?[source]?.int.map { Double($0) } == bySource[source], "\(source)")
            }
            #expect(stats["errors"]?["sql_error"]?.int.map { Double($0) } == errors(scrape, "sql_error"))
            #expect(
                stats["postgres"]?["connects"]?.int.map { Double($0) }
                    == scrape.value("cistern_postgres_connects_total")
            )
            await client.close()
        }
    }

    private func errors(_ scrape: Scrape, _ code: String) -> Double? {
        scrape.value("cistern_request_errors_total", ["code": code])
    }

    @Test("Lines are answers and errors: each statement that a client sends is counted once, as one or the other")
    func lines() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy(Self.variables)
            let admin = try await proxy.admin()
            func sums() async throws -> (lines: Double, answers: Double, errors: Double) {
                let scrape = try await admin.scrape()
                return (
                    scrape.value("cistern_lines_total") ?? 0, scrape.value("cistern_requests_total") ?? 0,
                    scrape.value("cistern_request_errors_total") ?? 0
                )
            }
            let before = try await sums()
            let client = try await proxy.client()
            for number in 0..<40 {
                _ = try await client.exchange(
                    ["SELECT 1", "SELECT now()", "SELECT 1/0", "{", "CREATE TEMP TABLE x (y int)"][number % 5]
                )
            }
            let after = try await sums()
            #expect(after.lines - before.lines == 40)
            #expect(after.answers - before.answers == 16)
            #expect(after.errors - before.errors == 24)
            let scrape = try await admin.scrape()
            #expect(scrape.value("cistern_connections") == 1)
            #expect(scrape.value("cistern_redis_up") == nil, "there is no Redis to tell of")
            await client.close()
        }
    }

    @Test("promtool check metrics passes, and both formats hold the same series")
    func promtool() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(Self.variables)
            _ = try await Self.runMixedLoad(site, proxy)
            let admin = try await proxy.admin()
            let text = try await admin.get("/metrics")
            #expect(text.contentType == "text/plain; version=0.0.4; charset=utf-8")
            let file = site.folder.appending(path: "metrics.txt")
            try text.text.write(to: file, atomically: true, encoding: .utf8)
            try await ChildProcess.run("/bin/sh", ["-c", "promtool check metrics < '\(file.path)'"])
            let open = try await admin.get("/metrics", accept: "application/openmetrics-text;version=1.0.0")
            #expect(open.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
            #expect(open.text.hasSuffix("\n# EOF\n"))
            #expect(Scrape(open.text).samples.map(\.name) == Scrape(text.text).samples.map(\.name))
            // The reference document's names.
            for name in [
                "cache_hits_total", "cache_misses_total", "cache_operation_duration_seconds",
                "redis_memory_usage_bytes",
                "process_cpu_seconds_total", "process_resident_memory_bytes", "cistern_build_info",
            ] {
                #expect(Scrape(text.text).families.contains(name), "\(name)")
            }
        }
    }
}
