import Foundation
import Synchronization
import Testing

/// What one test has to itself: a schema in PostgreSQL, a prefix and a channel in Redis, and the proxies it starts.
///
/// The proxies' search path begins with the schema, so that tests name tables plainly.
struct Site: Sendable {
    /// The schema's, the prefix's and the channel's name; what the proxies' connections are called in PostgreSQL.
    let name: String
    /// A connection string whose sessions look into the schema first.
    let postgresURL: String
    /// Empty for none.
    let redisURL: String
    /// The test's own Redis, where it asked for one.
    let ownRedis: OwnRedis?
    /// PostgreSQL without a proxy in between.
    let database: Database
    let folder: URL
    private let started = Started()

    enum RedisChoice {
        /// The one that all tests share.
        case shared
        /// One that the test may stop, empty, and start again.
        case own
        case none
    }

    private final class Started: Sendable {
        let proxies = Mutex<[CisternProcess]>([])
    }

    /// - Parameter alone: no other test runs meanwhile, for what is measured by the clock.
    static func open(
        redis choice: RedisChoice = .shared,
        alone: Bool = false,
        _ body: @escaping @Sendable (Site) async throws -> Void
    ) async throws {
        try await Turnstile.shared.pass(alone: alone) {
            let name = "t" + String(UInt64.random(in: .min ... .max), radix: 36)
            let folder = FileManager.default.temporaryDirectory.appending(path: "cistern-\(name)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await Self.prepareServer.value
            let own = try Database.url
            let url = "\(own) application_name=\(name)_direct options='-c search_path=\(name),public'"
            try await Database.with(url: url) { database in
                try await database.execute("CREATE SCHEMA \(name)")
                let redis = choice == .own ? try await OwnRedis(in: folder) : nil
                let site = Site(
                    name: name,
                    postgresURL: "\(own) application_name=\(name) options='-c search_path=\(name),public'",
                    redisURL: choice == .none ? "" : try redis?.url ?? Redis.url,
                    ownRedis: redis,
                    database: database,
                    folder: folder
                )
                do {
                    try await body(site)
                } catch {
                    site.tellLogs(of: error)
                }
                for proxy in site.started.proxies.withLock({ $0 }) { await proxy.process.killNow() }
                await redis?.stop()
                try await database.execute("DROP SCHEMA IF EXISTS \(name) CASCADE")
            }
        }
    }

    /// What all tests need in PostgreSQL.
    private static let prepareServer = Task {
        try await Database.with(url: try Database.url) { database in
            try await database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public")
        }
    }

    private func tellLogs(of error: any Error) {
        var text = "\(error)"
        for proxy in started.proxies.withLock({ $0 }) { text += "\n\(proxy.name) said:\n\(proxy.log.suffix(4000))" }
        Issue.record("\(text)")
    }

    /// Starts a proxy and waits until it has PostgreSQL and Redis.
    ///
    /// - Parameters:
    ///   - variables: over those that lead it to this site.
    ///   - file: the text of a configuration file.
    ///   - missingGuard: a guard against stale answers to switch off, to see that its absence is noticed.
    ///   - isAwaited: false where a server that it needs is away.
    func proxy(
        _ variables: [String: String] = [:],
        file: String? = nil,
        withoutGuard missingGuard: String? = nil,
        isAwaited: Bool = true
    ) async throws -> CisternProcess {
        var all = environment
        all.merge(variables) { _, own in own }
        let number = started.proxies.withLock { $0.count }
        var arguments = missingGuard.map { ["--without-guard", $0] } ?? []
        if let file {
            let path = folder.appending(path: "proxy\(number).conf")
            try file.write(to: path, atomically: true, encoding: .utf8)
            arguments += ["--config", path.path]
        }
        let proxy = try await CisternProcess.start(
            name: "\(name)-\(number)",
            all,
            arguments: arguments,
            logFile: folder.appending(path: "proxy\(number)-\(UUID().uuidString).log")
        )
        started.proxies.withLock { $0.append(proxy) }
        if isAwaited { try #require(try await proxy.isReady(), "\(proxy.log)") }
        return proxy
    }

    /// What leads a proxy to this site. It does not look for changes of the schema: other tests make them all the time.
    var environment: [String: String] {
        [
            "DATABASE_URL": postgresURL, "REDIS_URL": redisURL, "CISTERN_REDIS_KEY_PREFIX": "\(name):",
            "CISTERN_REDIS_CHANNEL": "\(name):invalidation", "CISTERN_POSTGRES_POOL_SIZE": "8",
            "CISTERN_POSTGRES_SCHEMA_CHECK": "0",
        ]
    }

    func client(_ variables: [String: String] = [:]) async throws -> LineClient {
        try await proxy(variables).client()
    }

    /// The clients of two proxies.
    func pair(_ variables: [String: String] = [:]) async throws -> (LineClient, LineClient) {
        async let one = client(variables)
        async let other = client(variables)
        return (try await one, try await other)
    }

    /// A session that holds an advisory lock while the body runs; the lock is given back when it returns.
    func holding<Result: Sendable>(
        lock: Int,
        _ body: @escaping @Sendable (_ release: @escaping @Sendable () async throws -> Void) async throws -> Result
    ) async throws -> Result {
        let url = postgresURL.replacing("application_name=\(name)", with: "application_name=\(name)_holder")
        return try await Database.with(url: url, connections: 1) { session in
            try await session.execute("SELECT pg_advisory_lock(\(lock))")
            let release: @Sendable () async throws -> Void = {
                try await session.execute("SELECT pg_advisory_unlock_all()")
            }
            do {
                let result = try await body(release)
                try await release()
                return result
            } catch {
                try? await release()
                throw error
            }
        }
    }

    /// Makes `held(value, lock)`, which answers its value once nobody holds the lock. It is declared IMMUTABLE, so that
    /// a statement that calls it is cached. Its own lock ends with the transaction: one that is cancelled just when it has
    /// got the lock must not keep it.
    func makeHeldFunction() async throws {
        try await database.execute(
            """
            CREATE FUNCTION held(value int, key bigint) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
            BEGIN
                PERFORM pg_advisory_xact_lock_shared(key);
                RETURN value;
            END $$
            """
        )
    }
}
