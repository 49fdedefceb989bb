import CisternClient

/// Runs one of the examples: `cistern-examples catalogue 127.0.0.1:7432`.
@main
struct Examples {
    private static let all: [(name: String, run: @Sendable (CisternClient) async throws -> Void)] = [
        ("catalogue", catalogue), ("permissions", permissions), ("keys", keys), ("login", login),
        ("concurrency", concurrency),
    ]

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let example = all.first(where: { $0.name == arguments[1] }) else {
            print("usage: cistern-examples \(all.map(\.name).joined(separator: "|")) HOST:PORT")
            throw CisternError(.badRequest, "no such example")
        }
        let configuration = try CisternClientConfiguration(address: arguments[2])
        try await withCisternClient(configuration) { client async throws in
            try await example.run(client)
        }
    }
}
