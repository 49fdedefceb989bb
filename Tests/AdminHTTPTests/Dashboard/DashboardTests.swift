import NIOCore
import QueryProxy
import Synchronization
import Testing

@testable import AdminHTTP

@Suite struct DashboardTests {
    /// Counts how often figures were made.
    private final class Site: Sendable {
        let made = Mutex(0)
        let time = Mutex<Int64>(1_000_000)

        var sources: DashboardSources {
            DashboardSources(
                sample: { LiveSample(time: $0, answers: AnswerCounts(memory: 3), saved: 0) },
                figures: { time, order in
                    self.made.withLock { $0 += 1 }
                    return ByteBuffer(string: "{\"time\":\(time),\"order\":\"\(order.rawValue)\"}")
                },
                queries: { order, limit in ByteBuffer(string: "{\"order\":\"\(order.rawValue)\",\"limit\":\(limit)}") },
                advice: { ByteBuffer(string: "{\"findings\":[]}") }
            )
        }

        var feed: DashboardFeed { DashboardFeed(sources: sources, now: { self.time.withLock { $0 } }) }

        func routes(_ feed: DashboardFeed) -> AdminRoutes {
            var routes = AdminRoutes(hosts: .any)
            routes.addDashboard(feed, sources)
            return routes
        }
    }

    private let site = Site()

    private func get(_ path: String, query: String? = nil) async -> AdminResponse {
        await site.routes(site.feed).response(to: AdminRequest("GET", path, query: query))
    }

    private static let texts = [
        DashboardPage.html, DashboardStyle.css, DashboardScript.javascript, DashboardCharts.javascript,
    ]

    @Test(arguments: ["/", "/dashboard.css", "/dashboard.js", "/dashboard-charts.js"])
    func everyPartForbidsWhatIsNotItsOwn(path: String) async throws {
        let response = await get(path)
        #expect(response.status == 200)
        let policy = try #require(response.headers.first { $0.name == "Content-Security-Policy" }?.value)
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
        #expect(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains("\n"))
        #expect(policy.contains("frame-ancestors 'none'"))
    }

    @Test func nothingComesFromElsewhere() {
        for text in Self.texts {
            let outside = text.replacing("http://www.w3.org/2000/svg", with: "")
            #expect(!outside.contains("http:") && !outside.contains("https:") && !outside.contains("@import"))
        }
    }

    /// The policy would stop it; here it is seen before a browser does.
    @Test func thePageHasNoScriptOrStyleInIt() {
        #expect(DashboardPage.html.ranges(of: "<script").count == DashboardPage.html.ranges(of: "<script src=").count)
        #expect(!DashboardPage.html.contains("<style") && !DashboardPage.html.contains("style="))
        #expect(!DashboardPage.html.contains(" on"), "an attribute such as onclick")
    }

    @Test(arguments: [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc",
    ])
    func textIsNeverReadAsMarkup(way: String) {
        for text in Self.texts { #expect(!text.contains(way)) }
    }

    /// What the script looks for is on the page.
    @Test func everyElementThatTheScriptNamesIsThere() {
        let script = DashboardScript.javascript + DashboardCharts.javascript
        let named = script.matches(of: /(?:byId|fill|setState|Chart)\("([a-z-]+)"/).map { String($0.output.1) }
        #expect(named.count > 20)
        for name in named { #expect(DashboardPage.html.contains("id=\"\(name)\""), "\(name)") }
    }

    @Test func sortAndLimitAreChecked() async throws {
        func text(_ response: AdminResponse) -> String {
            if case .bytes(let bytes) = response.body { String(buffer: bytes) } else { "" }
        }
        #expect(text(await get("/api/v1/queries")).contains("\"order\":\"calls\",\"limit\":50"))
        let chosen = await get("/api/v1/queries", query: "limit=7&sort=time_saved")
        #expect(text(chosen).contains("\"order\":\"time_saved\",\"limit\":7"))
        for query in ["limit=0", "limit=1001", "limit=x", "limit=", "sort=price", "sort"] {
            let refused = await get("/api/v1/queries", query: query)
            #expect(refused.status == 400 && text(refused).contains("bad_request"), "\(query)")
        }
        #expect((await get("/api/v1/events", query: "sort=price")).status == 400)
        #expect(text(await get("/api/v1/advice")).contains("findings"))
    }

    @Test func whoBeginsToWatchGetsTheHistoryFirst() async throws {
        let feed = site.feed
        feed.keepSample()
        feed.keepSample()
        let events = try #require(feed.events(queriesBy: .misses))
        var iterator = events.makeAsyncIterator()
        let first = String(buffer: try #require(await iterator.next()))
        let names = first.matches(of: /event: (\w+)\n/).map { String($0.output.1) }
        #expect(names == ["history", "figures", "advice"])
        #expect(first.ranges(of: "\"time\":1000000,\"answers\"").count == 2)
        #expect(first.contains("\"order\":\"misses\""))
        // Each event is one line of data with an empty line behind it.
        #expect(first.ranges(of: "\n\n").count == 3)
    }

    @Test func aSecondsFiguresAreMadeOnceForAll() async {
        let feed = site.feed
        _ = await feed.figures(by: .calls)
        _ = await feed.figures(by: .calls)
        #expect(site.made.withLock { $0 } == 1)
        _ = await feed.figures(by: .errors)
        #expect(site.made.withLock { $0 } == 2)
        site.time.withLock { $0 += 1000 }
        let later = await feed.figures(by: .calls)
        #expect(String(buffer: later).contains("1001000") && site.made.withLock { $0 } == 3)
    }

    @Test func watchersAreBoundedAndLeaveTheirSeats() async {
        let feed = site.feed
        var streams = (0..<DashboardFeed.maximumWatchers).map { _ in feed.events(queriesBy: .calls) }
        #expect(streams.allSatisfy { $0 != nil })
        #expect(feed.events(queriesBy: .calls) == nil)
        let refused = await site.routes(feed).response(to: AdminRequest("GET", "/api/v1/events"))
        #expect(refused.status == 503)
        streams.removeAll()
        #expect(feed.watchers == 0)
        #expect(feed.events(queriesBy: .calls) != nil)
    }
}
