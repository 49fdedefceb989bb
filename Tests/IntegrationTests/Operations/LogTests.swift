import Foundation
import JSONText
import Testing

@Suite("The log: what is slow, nothing private, and no flood")
struct LogTests {
    private static func lines(_ proxy: CisternProcess, with message: String) throws -> [JSONValue] {
        try proxy.log.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            .filter { $0["message"]?.string == message }
    }

    @Test("A slow statement gets a line without its constants; with log_parameters, with all of it")
    func slow() async throws {
        try await Site.open { site in
            for isOpen in [false, true] {
                let proxy = try await site.proxy([
                    "CISTERN_LOG_SLOW_QUERY": "50ms", "CISTERN_LOG_LOG_PARAMETERS": "\(isOpen)",
                    "CISTERN_LOG_FORMAT": "json",
                ])
                let client = try await proxy.client()
                _ = try await client.query("SELECT 'quick'")
                _ = try await client.query(
                    "SELECT pg_sleep(0.1), 'secret' || $1::text",
                    #""params":["hush\n"],"ns":"shop""#
                )
                // What ends with an error is slow as well.
                let error = try await client.query(
                    "SELECT pg_sleep(0.4), 'secret', $1::text",
                    #""params":["hush"],"timeout_ms":100"#
                )
                #expect(!error.isOK)
                let slow = try Self.lines(proxy, with: "slow query")
                #expect(slow.count == 2, "\(proxy.log)")
                #expect(slow.first?["ns"]?.string == "shop")
                #expect(slow.first?["cache"]?.string == "bypass")
                #expect(slow.first?["duration_ms"]?.string.flatMap { Int($0) } ?? 0 >= 100)
                #expect(slow.last?["error"]?.string == error.code)
                #expect(proxy.log.contains("pg_sleep"))
                #expect(proxy.log.contains("secret") == isOpen, "\(proxy.log)")
                #expect(proxy.log.contains("hush") == isOpen, "\(proxy.log)")
                await client.close()
            }
        }
    }

    @Test("Redis away under load: a line that it is gone and one that it is back, however many requests miss it")
    func redisAway() async throws {
        try await Site.open(redis: .own) { site in
            try await site.database.execute("CREATE TABLE things AS SELECT 1 AS id")
            let redis = try #require(site.ownRedis)
            let proxy = try await site.proxy(["CISTERN_LOG_SLOW_QUERY": "0"])
            let before = proxy.log.split(separator: "\n").count
            await redis.stop()
            let client = try await proxy.client()
            for number in 0..<500 { _ = try await client.query("SELECT id, \(number) FROM things") }
            for number in 0..<50 {
                #expect(try await client.query("UPDATE things SET id = \(number)").isComplete == false)
            }
            let lines = proxy.log.split(separator: "\n").dropFirst(before)
            #expect(lines.contains { $0.contains("Redis is unavailable") })
            #expect(lines.count <= 5, "\(lines.joined(separator: "\n"))")
        }
    }

    @Test("PostgreSQL away under load: one line, and no line for each request")
    func postgresAway() async throws {
        try await Site.open(redis: .none) { site in
            let postgres = try await OwnPostgres(in: site.folder)
            let proxy = try await site.proxy(["DATABASE_URL": postgres.url])
            let before = proxy.log.split(separator: "\n").count
            try await postgres.stop()
            let client = try await proxy.client()
            for number in 0..<300 { #expect(!(try await client.query("SELECT \(number)").isOK)) }
            let lines = proxy.log.split(separator: "\n").dropFirst(before)
            #expect(lines.contains { $0.contains("PostgreSQL cannot be reached") })
            #expect(lines.count <= 5, "\(lines.joined(separator: "\n"))")
        }
    }
}
