import Foundation
import Logging
import NIOCore
import PostgresClient
import Testing

/// A pool on the server that the tests were started with.
enum PostgresFixture {
    static let url = ProcessInfo.processInfo.environment["CISTERN_TEST_POSTGRES"]

    static func withPool<Result: Sendable>(
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (PostgresPool) async throws -> Result
    ) async throws -> Result {
        var configuration = PostgresConfiguration(url: try #require(url))
        configuration.maximumConnections = 4
        configure(&configuration)
        let pool = PostgresPool(
            configuration: configuration,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            defer { group.cancelAll() }
            return try await body(pool)
        }
    }
}

extension PostgresPool {
    @discardableResult
    func json(
        _ sql: String,
        _ parameters: [PostgresParameter] = [],
        prepared: Bool = false
    ) async throws -> String {
        var step = PostgresStep(sql: sql, parameters: parameters)
        step.isPrepared = prepared
        return String(buffer: try await run(PostgresScript(steps: [step]))[0].body)
    }

    func rows(_ sql: String) async throws -> [[String?]] {
        var step = PostgresStep(sql: sql)
        step.output = .rows
        return try await run(PostgresScript(steps: [step]))[0].rows
    }

    func expect(_ sql: String, toAnswer part: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await json(sql)
        #expect(answer.contains(part), sourceLocation: sourceLocation)
    }
}
