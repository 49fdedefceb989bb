import Logging
import NIOCore
import NIOPosix
import QueryProxy
import RedisClient
import Sessions
import Synchronization
import Testing

/// Races on the store itself, with its guards on and off: a guard whose absence is not noticed proves nothing.
@Suite("Sessions under races")
struct SessionRaceTests {
    private final class Count: Sendable {
        private let number = Atomic<Int>(0)
        var value: Int { number.load(ordering: .relaxed) }
        func add(_ more: Int = 1) { number.add(more, ordering: .relaxed) }
    }

    private func withStore(
        _ site: Site,
        _ guards: SessionGuards,
        _ body: @escaping @Sendable (RedisSessionStore) async throws -> Void
    ) async throws {
        let redis = RedisClient(
            configuration: try RedisConfiguration(url: site.redisURL),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let running = Task { await redis.run() }
        defer { running.cancel() }
        try await redis.firstConnection()
        let keys = RedisKeys(prefix: "\(site.name):")
        try await body(RedisSessionStore(redis: redis, keys: keys, maximumLifetime: nil, guards: guards))
    }

    private static func draft(_ data: String = "0") -> SessionDraft {
        SessionDraft(user: SessionUser("7"), kind: "sessions", data: ByteBuffer(string: data), ttl: 60_000)
    }

    /// Eight callers count up a number in the session, each from the version that it read.
    ///
    /// - Returns: how many were told that they did, and what the number then is.
    private func count(_ guards: SessionGuards, _ site: Site) async throws -> (told: Int, counted: Int) {
        let id = SessionID()
        try await withStore(site, guards) { store in
            _ = try await store.create(id, Self.draft())
        }
        let told = Count()
        try await withStore(site, guards) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<50 {
                            guard let session = try await store.session(id) else { return }
                            let number = (Int(String(buffer: session.data)) ?? 0) + 1
                            let data = ByteBuffer(string: String(number))
                            let outcome = try await store.update(id, data: data, ifVersion: session.version)
                            if case .updated = outcome { told.add() }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let counted = Count()
        try await withStore(site, guards) { store in
            let number = try await store.session(id).flatMap { Int(String(buffer: $0.data)) } ?? 0
            counted.add(number)
        }
        return (told.value, counted.value)
    }

    @Test("No update that compares its version is lost")
    func comparedUpdates() async throws {
        try await Site.open { site in
            let (told, counted) = try await count(SessionGuards(), site)
            #expect(told == counted && told > 50, "\(told) were told, \(counted) counted")
        }
    }

    @Test("Without the comparison in one step, some are")
    func comparedUpdatesWithoutTheGuard() async throws {
        try await Site.open { site in
            var guards = SessionGuards()
            guards.comparesInOneStep = false
            let (told, counted) = try await count(guards, site)
            #expect(told > counted, "the missing guard was not noticed")
        }
    }

    /// Creates sessions while the user is logged out everywhere, over and over; then once more, at rest.
    ///
    /// - Returns: how many keys the user's sessions left in Redis.
    private func leftovers(_ guards: SessionGuards, _ site: Site) async throws -> Int {
        try await withStore(site, guards) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<200 { _ = try await store.create(SessionID(), Self.draft()) } }
                }
                for _ in 0..<2 {
                    group.addTask { for _ in 0..<200 { _ = try await store.deleteAll(of: "7") } }
                }
                try await group.waitForAll()
            }
            _ = try await store.deleteAll(of: "7")
            let listed = try await store.sessions(of: "7")
            #expect(listed.isEmpty)
        }
        let script = "return #redis.call('KEYS', ARGV[1] .. 'cistern:[su]:*')"
        return try #require(Int(try await Tool.redis(site.redisURL, "EVAL", script, "0", "\(site.name):")))
    }

    @Test("A session created while its user is logged out everywhere is ended or listed, never left behind")
    func creationAgainstTheEndOfAll() async throws {
        try await Site.open(redis: .own) { site in
            let left = try await leftovers(SessionGuards(), site)
            #expect(left == 0)
        }
    }

    @Test("Without the index in one step, some are left behind")
    func creationAgainstTheEndOfAllWithoutTheGuard() async throws {
        try await Site.open(redis: .own) { site in
            var guards = SessionGuards()
            guards.indexesInOneStep = false
            let left = try await leftovers(guards, site)
            #expect(left > 0, "the missing guard was not noticed")
        }
    }
}
