import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// Everything that is examined: PostgreSQL's schema, a Redis, and proxies.
final class Site: Sendable {
    static let proxyCount = 4

    let redis: RedisServer
    let proxies: [ProxyServer]
    let layout: Layout
    private let folder: URL
    private let schema: String
    private let running = Mutex<(redis: ChildProcess?, proxies: [ChildProcess?])>(
        (nil, Array(repeating: nil, count: Site.proxyCount))
    )

    /// - Parameters:
    ///   - database: a libpq connection string.
    ///   - guardsOff: handed to the proxies.
    init(program: String, database: String, layout: Layout, guardsOff: [String], logLevel: String) async throws {
        self.layout = layout
        let name = "oracle_" + String(UInt64.random(in: .min ... .max), radix: 36)
        schema = name
        let folder = FileManager.default.temporaryDirectory.appending(path: "cistern-\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.folder = folder
        var ports: [Int] = []
        for _ in 0...Site.proxyCount { ports.append(try await Site.freePort(except: ports)) }
        let redis = RedisServer(port: ports.removeLast(), folder: folder)
        self.redis = redis
        let variables = [
            "DATABASE_URL": "\(database) application_name=\(name) options='-c search_path=\(name)'",
            "REDIS_URL": redis.url, "CISTERN_POSTGRES_POOL_SIZE": "5",
            "CISTERN_LOG_LEVEL": logLevel,
            // The change that making the tables was would drop everything once more, and make good what went wrong before.
            "CISTERN_POSTGRES_SCHEMA_CHECK": "0",
        ]
        proxies = ports.enumerated().map { number, port in
            ProxyServer(
                number: number,
                port: port,
                program: program,
                arguments: guardsOff.flatMap { ["--without-guard", $0] },
                variables: variables,
                folder: folder
            )
        }
    }

    private static func freePort(except taken: [Int]) async throws -> Int {
        while true {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = channel.localAddress?.port
            try await channel.close()
            if let port, !taken.contains(port) { return port }
        }
    }

    func open() async throws {
        try await startRedis(with: .empty)
        for proxy in proxies { try startProxy(proxy.number) }
        for proxy in proxies { try await isReady(proxy.number) }
        try await proxies[0].run("CREATE SCHEMA \(schema)")
        for table in 0..<layout.tables {
            try await proxies[0].run("CREATE TABLE t\(table) (id int PRIMARY KEY, version bigint NOT NULL)")
            try await proxies[0].run(
                "INSERT INTO t\(table) SELECT id, 0 FROM generate_series(0, \(layout.rowsPerTable - 1)) AS id"
            )
        }
    }

    /// - Parameter keepsLogs: leaves the folder with them.
    func close(keepsLogs: Bool) async {
        _ = try? await proxies[0].run("DROP SCHEMA \(schema) CASCADE")
        for number in 0..<Site.proxyCount { await killProxy(number) }
        await killRedis()
        if keepsLogs {
            print("logs are in \(folder.path)")
        } else {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    // MARK: Processes

    func startRedis(with contents: RedisServer.Contents) async throws {
        let process = try await redis.start(with: contents)
        running.withLock { $0.redis = process }
    }

    func killRedis() async {
        await running.withLock { $0.redis }?.kill()
    }

    func startProxy(_ number: Int) throws {
        let process = try proxies[number].start()
        running.withLock { $0.proxies[number] = process }
    }

    func isReady(_ number: Int) async throws {
        guard let process = running.withLock({ $0.proxies[number] }) else { return }
        try await proxies[number].isReady(process)
    }

    func killProxy(_ number: Int) async {
        await running.withLock { $0.proxies[number] }?.kill()
    }

    /// What ended without being told to; nil where all is well.
    var crash: String? {
        running.withLock { running in
            for (number, process) in running.proxies.enumerated() {
                if let process, !process.isRunning { return "proxy \(number) crashed:\n\(process.log.suffix(3000))" }
            }
            return nil
        }
    }
}
