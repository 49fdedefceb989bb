import CisternClient
import Foundation
import NIOSSL
import Testing

/// The client library against a proxy with real servers.
@Suite(.timeLimit(.minutes(3)))
struct ClientTests {
    private struct Item: Codable, Equatable, Sendable {
        let id: Int
        let label: String
        let unitPrice: Decimal
        let addedAt: Date
        let tags: [String]
        let details: [String: CisternValue]
        let picture: Data?
    }

    private func withClient(
        _ variables: [String: String] = [:],
        _ change: @escaping @Sendable (inout CisternClientConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (CisternClient, Site) async throws -> Void
    ) async throws {
        try await Site.open { site in
            try await site.database.execute(
                """
                CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL, unit_price numeric NOT NULL,
                    added_at timestamptz NOT NULL, tags text[] NOT NULL, details jsonb NOT NULL, picture bytea)
                """,
                """
                INSERT INTO items VALUES (1, 'Café', 12345678901234567890.1234567890, '2026-11-25T00:46:20.181765Z',
                    '{food,"a b"}', '{"n": 1.10, "list": [null]}', '\\x48690aff')
                """
            )
            let proxy = try await site.proxy(variables)
            var configuration = CisternClientConfiguration(port: proxy.port)
            change(&configuration)
            try await withCisternClient(configuration) { client async throws in
                try await body(client, site)
            }
        }
    }

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch {
            return (error as? CisternError)?.code.rawValue ?? "\(error)"
        }
    }

    @Test func rowsAreReadWithEveryDigit() async throws {
        try await withClient { client, _ in
            let sql = "SELECT * FROM items WHERE id = $1"
            let result = try await client.query(sql, [1], as: Item.self)
            let item = try #require(result.rows.first)
            #expect(result.source == .miss && result.rowCount == 1 && result.age != nil && result.timeToLive != nil)
            #expect(item.unitPrice == Decimal(string: "12345678901234567890.1234567890"))
            #expect(abs(item.addedAt.timeIntervalSince1970 - 1_795_567_580.181765) < 0.000_001)
            #expect(item.tags == ["food", "a b"])
            #expect(item.details["n"] == .number("1.10"))
            #expect(item.picture == Data([0x48, 0x69, 0x0A, 0xFF]))
            let again = try await client.query(sql, [1])
            #expect(again.source == .memory)
            #expect(again.rows.first?["unit_price"] == .number("12345678901234567890.1234567890"))
            #expect(again.columns.map(\.type) == ["int4", "text", "numeric", "timestamptz", "_text", "jsonb", "bytea"])
        }
    }

    @Test func whatIsWrittenIsReadBack() async throws {
        try await withClient { client, _ in
            let item = Item(
                id: 2,
                label: "\"quotes\" \\ and \u{1F600}",
                unitPrice: Decimal(string: "0.00000000000000000000000000000000000001")!,
                addedAt: Date(timeIntervalSince1970: 1.5),
                tags: ["x,y", "{}", ""],
                details: ["a": .number("1e2"), "b": [.string("é"), nil]],
                picture: Data()
            )
            let result = try await client.query(
                "INSERT INTO items VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
                [
                    .int(item.id), .string(item.label), .decimal(item.unitPrice), .date(item.addedAt), .json(item.tags),
                    .json(item.details), .optional(item.picture) { .bytes($0) },
                ],
                as: Item.self
            )
            #expect(result.command == "INSERT" && result.invalidated?.isComplete == true)
            // jsonb writes 1e2 as 100.
            #expect(result.rows.first?.details["a"] == 100)
            #expect(result.rows.first?.label == item.label && result.rows.first?.unitPrice == item.unitPrice)
            #expect(result.rows.first?.addedAt == item.addedAt && result.rows.first?.tags == item.tags)
            #expect(result.rows.first?.picture == item.picture)
            let dates = try await client.query(
                "SELECT $1::timestamptz, '0044-03-15 12:00 BC'::timestamptz",
                [.date(.distantPast)]
            )
            #expect(try dates.rows[0][0].decode(Date.self) == .distantPast)
            #expect(try dates.rows[0][1].decode(Date.self) == Date(timeIntervalSince1970: -63_517_780_800))
        }
    }

    @Test func optionsReachTheServer() async throws {
        try await withClient { client, _ in
            func source(_ options: QueryOptions) async throws -> String {
                let result = try await client.query("SELECT label FROM items", options: options)
                return "\(result.source) \(result.reason ?? "")"
            }
            #expect(try await source(QueryOptions(usesCache: false)) == "bypass client_request")
            #expect(try await source(QueryOptions(timeToLive: .zero)) == "bypass ttl_zero")
            #expect(try await source(QueryOptions(tags: ["item:1"])) == "miss ")
            #expect(try await source(QueryOptions(tags: ["item:1"], consistency: .strict)) != "miss ")
            #expect(try await source(QueryOptions(tags: ["item:1"], maximumAge: .zero)) == "miss ")
            try await client.invalidate(tags: ["item:1"], reason: "a test")
            #expect(try await source(QueryOptions(tags: ["item:1"])) == "miss ")
            let zone = try await client.query(
                "SELECT added_at::text FROM items WHERE id = 1",
                as: String.self,
                options: QueryOptions(settings: ["timezone": "Asia/Kathmandu"])
            )
            #expect(zone.rows == ["2026-11-25 06:31:20.181765+05:45"])
            let error = await code {
                _ = try await client.query("SELECT pg_sleep(30)", options: QueryOptions(timeout: .milliseconds(50)))
            }
            #expect(error == "timeout")
        }
    }

    @Test func aWriteRefreshesWhatItNames() async throws {
        try await withClient { client, _ in
            let read = CisternRead("SELECT label FROM items WHERE id = $1", [1], tags: ["item:1"])
            let result = try await client.query(
                "UPDATE items SET label = $2 WHERE id = $1",
                [1, "Té"],
                options: QueryOptions(invalidating: ["item:*"], refreshing: [read, CisternRead("SELECT nothing")])
            )
            #expect(try result.refreshed[0].get().rows[0]["label"] == "Té")
            guard case .failure(let error) = result.refreshed[1] else {
                Issue.record("the second read cannot work")
                return
            }
            #expect(error.sqlState == "42703")
            let again = try await client.query(read.statement.sql, [1], options: QueryOptions(tags: ["item:1"]))
            #expect(again.source == .memory)
        }
    }

    @Test func transactionsAreAllOrNothing() async throws {
        try await withClient { client, _ in
            let done = try await client.transaction(
                [CisternStatement("UPDATE items SET label = $1", ["x"]), "SELECT label FROM items"],
                isolation: .serializable
            )
            #expect(done.results.map(\.rowCount) == [1, 1])
            #expect(done.invalidated?.tables.count == 1)
            do throws(CisternError) {
                _ = try await client.transaction(["DELETE FROM items", "SELECT 1/0"])
                Issue.record("it should have failed")
            } catch {
                #expect(error.sqlState == "22012" && error.statement == 1)
            }
            #expect(try await client.query("SELECT count(*) FROM items", as: Int.self).rows == [1])
        }
    }

    @Test func theServerTellsOfItself() async throws {
        try await withClient(["CISTERN_LISTEN_MAX_IN_FLIGHT": "7"]) { client, site in
            try await client.ping()
            #expect(try await client.hello().limits.maximumInFlight == 7)
            #expect(try await client.stats()["memory"]?["trusted"] == true)
            _ = try await client.query("SELECT label FROM items")
            let explanation = try await client.explain("SELECT label FROM items")
            #expect(explanation.isCacheable && explanation.inMemory != nil)
            #expect(explanation.tables == ["\(site.name).items"])
            #expect(try await client.explain("SELECT now()").reason == "time_dependent:now")
        }
    }

    @Test func errorsCarryWhatPostgreSQLSaid() async throws {
        try await withClient { client, _ in
            do throws(CisternError) {
                _ = try await client.query("SELECT nme FROM items")
                Issue.record("it should have failed")
            } catch {
                #expect(error.code == .sqlError && error.sqlState == "42703" && error.position == 8)
                #expect(!error.mayHaveBeenDone)
            }
            #expect(await code { _ = try await client.query("BEGIN") } == "bad_request")
            #expect(await code { _ = try await client.query("SELECT label FROM items", as: Int.self) } == "decoding")
        }
    }

    /// More at once than all connections take, with a slow one among them that holds nobody up.
    @Test func manyRequestsShareFewConnections() async throws {
        try await withClient(["CISTERN_LISTEN_MAX_IN_FLIGHT": "10"], { $0.maximumConnections = 2 }) { client, _ in
            let slow = Task { try await client.query("SELECT pg_sleep(60)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<5000 {
                    group.addTask {
                        let result = try await client.query("SELECT $1::int", [.int(number % 50)], as: Int.self)
                        #expect(result.rows == [number % 50])
                    }
                }
                try await group.waitForAll()
            }
            slow.cancel()
            #expect(await code { _ = try await slow.value } == "cancelled")
            #expect(client.poolFigures.connections <= 2)
        }
    }

    @Test func aProxyThatComesBackIsFoundAgain() async throws {
        try await Site.open { site in
            let port = try await freePort()
            let proxy = try await site.proxy(["CISTERN_LISTEN_LINE": "127.0.0.1:\(port)"])
            var configuration = CisternClientConfiguration(port: port)
            configuration.acquireTimeout = .seconds(30)
            try await withCisternClient(configuration) { client async throws in
                try await client.ping()
                await proxy.process.killNow()
                let waiting = Task {
                    // The first may still be sent over the connection that has just been cut.
                    while true {
                        do throws(CisternError) { return try await client.ping() } catch {
                            if error.code != .connectionLost { throw error }
                        }
                    }
                }
                _ = try await site.proxy(["CISTERN_LISTEN_LINE": "127.0.0.1:\(port)"])
                try await waiting.value
            }
        }
    }

    @Test func tlsIsSpokenWithAServerThatProvesItself() async throws {
        try await Site.open { site in
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.currentDirectoryURL = site.folder
            process.standardError = FileHandle.nullDevice
            process.arguments = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost",
            ]
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "openssl is needed")
            let certificate = site.folder.appending(path: "certificate.pem").path
            let proxy = try await site.proxy(
                [
                    "CISTERN_LISTEN_TLS_CERTIFICATE": certificate,
                    "CISTERN_LISTEN_TLS_KEY": site.folder.appending(path: "key.pem").path,
                ],
                isAwaited: false
            )
            var configuration = CisternClientConfiguration(host: "127.0.0.1", port: proxy.port)
            configuration.acquireTimeout = .seconds(2)
            configuration.tls = .makeClientConfiguration()
            configuration.serverName = "localhost"
            try await withCisternClient(configuration) { client async throws in
                #expect(await code { try await client.ping() } == "unreachable")
            }
            configuration.tls?.trustRoots = .file(certificate)
            try await withCisternClient(configuration) { client async throws in try await client.ping() }
            configuration.serverName = "example.org"
            try await withCisternClient(configuration) { client async throws in
                #expect(await code { try await client.ping() } == "unreachable")
            }
        }
    }
}
