internal import NIOCore
internal import QueryProxy

extension AdminRoutes {
    private static let defaultQueries = 50
    private static let maximumQueries = 1000

    /// Nothing from elsewhere, nothing in the page itself, and no other page around it.
    private static let policy = [
        (
            name: "Content-Security-Policy",
            value: """
            default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'
            """
        ),
        (name: "Referrer-Policy", value: "no-referrer"),
    ]

    /// The dashboard at `/`, its events, and the figures of queries and the advice by themselves.
    package mutating func addDashboard(_ feed: DashboardFeed, _ sources: DashboardSources) {
        let texts = [
            ("/", "text/html; charset=utf-8", DashboardPage.html),
            ("/dashboard.css", "text/css; charset=utf-8", DashboardStyle.css),
            ("/dashboard.js", "text/javascript; charset=utf-8", DashboardScript.javascript),
            ("/dashboard-charts.js", "text/javascript; charset=utf-8", DashboardCharts.javascript),
        ]
        for (path, type, text) in texts {
            let body = ByteBuffer(string: text)
            add("GET", path) { _ in AdminResponse(contentType: type, headers: Self.policy, .bytes(body)) }
        }
        add("GET", "/api/v1/events") { request in
            switch request.queryOrder {
            case .failure(let refusal): return refusal.response
            case .success(let order):
                guard let events = feed.events(queriesBy: order) else {
                    return .error(
                        status: 503,
                        "overloaded",
                        "\(DashboardFeed.maximumWatchers) are watching already; close one of the other pages"
                    )
                }
                return AdminResponse(contentType: "text/event-stream", .stream(events))
            }
        }
        add("GET", "/api/v1/queries") { request in
            let limit = request.parameters["limit"]
            guard let number = limit.map({ Int($0) }) ?? Self.defaultQueries, (1...Self.maximumQueries).contains(number)
            else {
                return .error(status: 400, "bad_request", "limit must be a number from 1 to \(Self.maximumQueries)")
            }
            switch request.queryOrder {
            case .failure(let refusal): return refusal.response
            case .success(let order): return .json(sources.queries(order, number))
            }
        }
        add("GET", "/api/v1/advice") { _ in .json(await sources.advice()) }
    }
}

/// What is wrong with a request.
private struct Refusal: Error {
    var response: AdminResponse
}

extension AdminRequest {
    /// The query's parameters as they are written: none that is understood here needs an escape.
    fileprivate var parameters: [String: String] {
        var parameters: [String: String] = [:]
        for part in (query ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1)
            parameters[String(pair[0])] = pair.count == 2 ? String(pair[1]) : ""
        }
        return parameters
    }

    fileprivate var queryOrder: Result<QueryOrder, Refusal> {
        guard let name = parameters["sort"] else { return .success(.calls) }
        if let order = QueryOrder(rawValue: name) { return .success(order) }
        let names = QueryOrder.allCases.map(\.rawValue).joined(separator: ", ")
        return .failure(Refusal(response: .error(status: 400, "bad_request", "sort must be one of \(names)")))
    }
}
