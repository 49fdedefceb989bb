import Foundation
import Logging
import PostgresClient
import ProcessSupport
import Testing

/// PostgreSQL without a proxy in between.
struct Database: Sendable {
    private let pool: PostgresPool

    /// The server that the tests were started with.
    static var url: String {
        get throws { try #require(ProcessInfo.processInfo.environment["CISTERN_TEST_POSTGRES"], "no PostgreSQL") }
    }

    static func with<Result: Sendable>(
        url: String,
        connections: Int = 4,
        _ body: @escaping @Sendable (Database) async throws -> Result
    ) async throws -> Result {
        var configuration = PostgresConfiguration(url: url)
        configuration.maximumConnections = connections
        configuration.minimumConnections = 0
        let pool = PostgresPool(configuration: configuration, logger: .silent)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { group.cancelAll() }
            return try await body(Database(pool: pool))
        }
    }

    /// Each statement in a transaction of its own.
    func execute(_ statements: String...) async throws {
        for statement in statements { _ = try await rows(statement) }
    }

    func rows(_ sql: String) async throws -> [[String?]] {
        var step = PostgresStep(sql: sql)
        step.output = .rows
        return try await pool.run(PostgresScript(steps: [step]))[0].rows
    }

    func value(_ sql: String) async throws -> String? {
        try await rows(sql).first?.first ?? nil
    }

    /// How often PostgreSQL ran SELECTs whose text holds a name.
    ///
    /// A statement with constants stands there under the text that was analysed first, which may be a PREPARE of it;
    /// PREPARE itself is not counted.
    func calls(naming name: String) async throws -> Int {
        let sql = "SELECT COALESCE(sum(calls), 0) FROM public.pg_stat_statements WHERE query ~ 'SELECT.*\(name)'"
        return try await value(sql).flatMap { Int($0) } ?? 0
    }

    /// Whether that many backends of an application wait for an advisory lock.
    func waitForAdvisoryLocks(of application: String, count: Int = 1) async throws -> Bool {
        try await eventually(within: .seconds(10)) {
            try await value(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = '\(application)' AND wait_event_type = 'Lock' AND wait_event = 'advisory'
                """
            ) == "\(count)"
        }
    }
}

extension Logger {
    static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}
