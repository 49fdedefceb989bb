import Foundation
import FoundationNetworking
import JSONText

/// Asks pages over HTTP.
struct AdminClient: Sendable {
    struct Page: Sendable {
        var status: Int
        var contentType: String
        var text: String

        var json: JSONValue { get throws { try JSONValue(parsing: text) } }
    }

    let port: Int

    /// - Parameter limit: seconds.
    func get(_ path: String, accept: String? = nil, within limit: TimeInterval = 20) async throws -> Page {
        try await send("GET", path, headers: accept.map { ["Accept": $0] } ?? [:], body: nil, within: limit)
    }

    func post(_ path: String, _ body: String, token: String? = nil) async throws -> Page {
        let headers = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        return try await send("POST", path, headers: headers, body: body, within: 20)
    }

    private func send(
        _ method: String,
        _ path: String,
        headers: [String: String],
        body: String?,
        within limit: TimeInterval
    ) async throws -> Page {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
        var request = URLRequest(url: url, timeoutInterval: limit)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return Page(
            status: response.statusCode,
            contentType: response.value(forHTTPHeaderField: "Content-Type") ?? "",
            text: String(decoding: data, as: UTF8.self)
        )
    }

    func scrape() async throws -> Scrape { Scrape(try await get("/metrics").text) }
}

/// One scrape in Prometheus's text format, taken apart.
struct Scrape: Sendable {
    struct Sample: Sendable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var samples: [Sample] = []
    /// The names that `# TYPE` lines tell.
    private(set) var families: Set<String> = []

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") { families.insert(String(line.split(separator: " ")[2])) }
            if line.hasPrefix("#") { continue }
            guard let space = line.lastIndex(of: " ") else { continue }
            let series = line[..<space]
            let value = Double(line[line.index(after: space)...]) ?? .nan
            let name = String(series.prefix { $0 != "{" })
            var labels: [String: String] = [:]
            for match in series.matches(of: /([a-z_]+)="([^"]*)"/) { labels[String(match.1)] = String(match.2) }
            samples.append(Sample(name: name, labels: labels, value: value))
        }
    }

    /// The sum over the series of a name that have these labels; nil where there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }
}
