import Foundation
import JSONText
import ProcessSupport
import Testing

@Suite("What is shipped for Prometheus and Grafana fits what is served")
struct PrometheusTests {
    private static let variables = ["CISTERN_LISTEN_HTTP": "127.0.0.1:0"]

    private static let project = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: project.appending(path: path), encoding: .utf8)
    }

    /// The queries in the blocks of a document that are marked as PromQL.
    private static func queries(in document: String) -> [String] {
        document.components(separatedBy: "```promql\n").dropFirst()
            .flatMap { block in (block.components(separatedBy: "\n```").first ?? "").split(separator: "\n") }
            .map { String($0) }
            .filter { !$0.hasPrefix("#") }
    }

    /// Words of a query that look like metrics of ours.
    private static func metrics(in query: String) -> Set<String> {
        Set(query.matches(of: /\b(cistern|cache|redis|process)_[a-z_]+/).map { String($0.0) })
    }

    /// Asks Prometheus, and waits for a result that is not empty.
    private static func result(of query: String, _ prometheus: AdminClient) async throws -> JSONValue? {
        var allowed = CharacterSet.alphanumerics
        allowed.insert("_")
        let encoded = try #require(query.addingPercentEncoding(withAllowedCharacters: allowed))
        let answer = try await prometheus.get("/api/v1/query?query=\(encoded)").json
        #expect(answer["status"]?.string == "success", "\(query): \(answer.jsonText)")
        return answer["data"]?["result"]
    }

    @Test("A real Prometheus scrapes a proxy, and answers the queries of the README")
    func scraped() async throws {
        let queries = Self.queries(in: try Self.text("README.md"))
        #expect(queries.count >= 5)
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 50) AS i")
            let proxy = try await site.proxy(Self.variables)
            let (admin, port) = (try await proxy.admin(), try await freePort())
            let config = site.folder.appending(path: "prometheus.yml")
            try """
            global: {scrape_interval: 200ms}
            scrape_configs:
              - job_name: cistern
                static_configs: [{targets: ["127.0.0.1:\(admin.port)"]}]
            """.write(to: config, atomically: true, encoding: .utf8)
            let server = try ChildProcess(
                "prometheus",
                [
                    "--config.file=\(config.path)", "--storage.tsdb.path=\(site.folder.path)/tsdb",
                    "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
                ],
                logFile: site.folder.appending(path: "prometheus.log")
            )
            let prometheus = AdminClient(port: port)
            do {
                try await Self.check(queries, proxy, prometheus)
            } catch {
                Issue.record("\(error); Prometheus said:\n\(server.log.suffix(3000))")
            }
            server.send(signal: SIGTERM)
            _ = try? await server.waitForEnd()
            await server.killNow()
        }
    }

    private static func check(_ queries: [String], _ proxy: CisternProcess, _ prometheus: AdminClient) async throws {
        let isUp = try await eventually(within: .seconds(30)) {
            let ready = try? await prometheus.get("/-/ready", within: 2)
            return ready?.status == 200
        }
        try #require(isUp, "Prometheus does not start")
        let client = try await proxy.client()
        var unanswered = queries
        let areAnswered = try await eventually(within: .seconds(30)) {
            for id in 1...20 {
                _ = try await client.query("SELECT id FROM items WHERE id = $1", #""params":[\#(id)]"#)
            }
            _ = try await client.exchange("SELECT now()")
            var left: [String] = []
            for query in unanswered where try await result(of: query, prometheus)?.array?.isEmpty != false {
                left.append(query)
            }
            unanswered = left
            return left.isEmpty
        }
        #expect(areAnswered, "no result for: \(unanswered)")
        let up = try await result(of: "up{job=\"cistern\"}", prometheus)
        #expect(up?.array?.first?["value"]?.array?.last?.string == "1")
        await client.close()
    }

    @Test("The alert rules are right, and fire when they should")
    func alerts() async throws {
        let folder = Self.project.appending(path: "deploy").path
        try await ChildProcess.run("promtool", ["check", "rules", "\(folder)/alerts.yml"])
        try await ChildProcess.run("promtool", ["check", "config", "\(folder)/prometheus.yml"])
        try await ChildProcess.run("promtool", ["test", "rules", "\(folder)/alerts.test.yml"])
    }

    @Test("Every metric that the dashboard, the alerts or the documents name is served")
    func names() async throws {
        var named: [String: Set<String>] = [:]
        let dashboard = try JSONValue(parsing: try Self.text("deploy/grafana/cistern.json"))
        let panels = dashboard["panels"]?.array ?? []
        #expect(panels.count > 20)
        for panel in panels {
            for target in panel["targets"]?.array ?? [] {
                let query = try #require(target["expr"]?.string)
                let metrics = Self.metrics(in: query)
                #expect(!metrics.isEmpty, "\(query)")
                named["dashboard", default: []].formUnion(metrics)
            }
        }
        for line in try Self.text("deploy/alerts.yml").split(separator: "\n") where !line.contains("description:") {
            named["alerts", default: []].formUnion(Self.metrics(in: String(line)))
        }
        for query in Self.queries(in: try Self.text("README.md")) {
            named["README.md", default: []].formUnion(Self.metrics(in: query))
        }
        let documented = try Self.text("docs/operations.md")
        try await Site.open { [named] site in
            let proxy = try await site.proxy(Self.variables)
            let (admin, client) = (try await proxy.admin(), try await proxy.client())
            // What has no series before it happens.
            for line in ["SELECT now()", "SELECT no_such_column"] { _ = try await client.exchange(line) }
            await client.close()
            let isWhole = try await eventually(within: .seconds(10)) {
                let scrape = try await admin.scrape()
                return scrape.value("redis_memory_usage_bytes") != nil
                    && scrape.value("cistern_channel_delay_seconds") != nil
            }
            #expect(isWhole)
            let scrape = try await admin.scrape()
            let served = Set(scrape.samples.map(\.name))
            for (place, metrics) in named {
                for metric in metrics { #expect(served.contains(metric), "\(place) names \(metric)") }
            }
            for family in scrape.families { #expect(documented.contains("`\(family)"), "\(family) is not documented") }
        }
    }
}
