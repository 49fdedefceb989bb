import Foundation
import Logging
import NIOCore
import NIOPosix
import RedisClient
import Testing

/// The server that the tests were started with, and clients that run for the length of a test.
enum RedisFixture {
    static let url = ProcessInfo.processInfo.environment["CISTERN_TEST_REDIS"]
    static let socket = ProcessInfo.processInfo.environment["CISTERN_TEST_REDIS_SOCKET"]

    static func configuration(
        url: String? = url,
        _ configure: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: try #require(url))
        configure(&configuration)
        return configuration
    }

    static func client(_ configuration: RedisConfiguration, observer: (any RedisObserver)? = nil) -> RedisClient {
        RedisClient(
            configuration: configuration,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            observer: observer
        )
    }

    /// Runs a client for as long as the body takes.
    static func running<Result: Sendable>(
        _ client: RedisClient,
        isAwaited: Bool = true,
        _ body: @escaping @Sendable (RedisClient) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { group.cancelAll() }
            if isAwaited { try await client.firstConnection() }
            return try await body(client)
        }
    }

    static func withClient<Result: Sendable>(
        url: String? = url,
        _ configure: (inout RedisConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (RedisClient) async throws -> Result
    ) async throws -> Result {
        try await running(client(try configuration(url: url, configure)), body)
    }
}

/// A name that no other test uses.
func unique(_ name: String) -> String { "\(name):\(UUID().uuidString)" }

/// Passes on what a client announces.
struct RecordingObserver: RedisObserver {
    enum Announcement: Sendable, Equatable {
        case available(RedisServerIdentity)
        case unavailable(String)
    }

    let announcements: AsyncStream<Announcement>
    private let continuation: AsyncStream<Announcement>.Continuation

    init() {
        (announcements, continuation) = AsyncStream.makeStream()
    }

    func redisBecameAvailable(_ identity: RedisServerIdentity) { continuation.yield(.available(identity)) }
    func redisBecameUnavailable(_ reason: String) { continuation.yield(.unavailable(reason)) }
}
