import Foundation
import NIOCore
import Synchronization
import Testing

@testable import PostgresClient

/// Reads that are known to be quick share connections and messages; nothing of one may reach another.
@Suite("Quick reads", .enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2)))
struct QuickReadTests {
    private static func script(
        _ sql: String,
        _ parameters: [String],
        expected: Duration? = .zero,
        timeout: Duration = .seconds(20)
    ) -> PostgresScript {
        var step = PostgresStep(sql: sql, parameters: parameters.map { .text($0) })
        step.isPrepared = true
        var script = PostgresScript(steps: [step])
        script.isReadOnly = true
        script.expectedDuration = expected
        script.timeout = timeout
        return script
    }

    private static func rows(_ pool: PostgresPool, _ script: PostgresScript) async throws -> String {
        let body = String(buffer: try await pool.run(script)[0].body)
        let start = try #require(body.range(of: "\"rows\":"))
        let end = try #require(body.range(of: ",\"row_count\""))
        return String(body[start.upperBound..<end.lowerBound])
    }

    private func with<Result: Sendable>(
        connections: Int,
        _ body: @escaping @Sendable (PostgresPool) async throws -> Result
    ) async throws -> Result {
        try await PostgresFixture.withPool {
            $0.maximumConnections = connections
            $0.acquireTimeout = .seconds(10)
        } _: {
            try await body($0)
        }
    }

    @Test("everyone gets his own answer, over as few connections as there are", arguments: [1, 2, 4])
    func many(connections: Int) async throws {
        try await with(connections: connections) { pool in
            let sqls = [
                "SELECT $1::int + 1", "SELECT $1::int, repeat('y', 20000)",
                "SELECT n FROM generate_series(1, $1::int) n LIMIT 3",
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<600 {
                    group.addTask {
                        let rows = try await Self.rows(pool, Self.script(sqls[number % 3], ["\(number)"]))
                        let expected =
                            switch number % 3 {
                            case 0: "[[\(number + 1)]]"
                            case 1: "[[\(number),\"\(String(repeating: "y", count: 20000))\"]]"
                            default:
                                number < 1 ? "[]" : number < 2 ? "[[1]]" : number < 3 ? "[[1],[2]]" : "[[1],[2],[3]]"
                            }
                        #expect(rows == expected)
                    }
                }
                try await group.waitForAll()
            }
            let statistics = pool.statistics
            #expect(statistics.connects <= connections && statistics.waiting == 0)
            #expect(statistics.scripts >= 600 && statistics.errors.isEmpty)
        }
    }

    @Test("what PostgreSQL refuses fails alone")
    func refusals() async throws {
        try await with(connections: 1) { pool in
            let failures = Record()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        do throws(PostgresError) {
                            let result = try await pool.run(Self.script("SELECT 100 / $1::int", ["\(number % 4)"]))
                            #expect(String(buffer: result[0].body).contains("[[\(100 / max(1, number % 4))]]"))
                        } catch {
                            #expect(error.sqlState == "22012" && number % 4 == 0, "\(error)")
                            failures.note(number)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(failures.noted.count == 50)
            // Neither what cannot be prepared nor what cannot be sent harms those beside it.
            let wrong = Task { try await pool.run(Self.script("SELECT nothing_of_the_kind", [])) }
            let unsent = Task { try await pool.run(Self.script("SELECT $1::text", ["a\0b"])) }
            let right = try await Self.rows(pool, Self.script("SELECT $1::int", ["5"]))
            #expect(right == "[[5]]")
            for task in [wrong, unsent] { await #expect(throws: PostgresError.self) { try await task.value } }
        }
    }

    /// Zero makes it slow.
    private static let mixed = "SELECT $1::int, CASE WHEN $1::int = 0 THEN pg_sleep(0.6)::text END"

    /// An answer is told before its connection is given back. The suite's time is limited.
    private static func allAreIdle(_ pool: PostgresPool) async {
        while pool.statistics.inUse > 0 { await Task.yield() }
    }

    /// Begins reads while every connection is in use, so that those who wait go together, in their order, when one is free.
    private static func gathered(
        _ scripts: [PostgresScript],
        on pool: PostgresPool,
        connections: Int
    ) async throws -> [Task<String, any Error>] {
        try await PostgresFixture.withPool {
            $0.maximumConnections = 1
        } _: { holder in
            _ = try await holder.rows("SELECT pg_advisory_lock(7301)")
            await allAreIdle(pool)
            let held = (0..<connections).map { _ in
                Task { try await pool.json("SELECT pg_advisory_xact_lock_shared(7301)") }
            }
            while pool.statistics.inUse != connections { await Task.yield() }
            var tasks: [Task<String, any Error>] = []
            for script in scripts {
                tasks.append(Task { try await rows(pool, script) })
                while pool.statistics.waiting != tasks.count { await Task.yield() }
            }
            _ = try await holder.rows("SELECT pg_advisory_unlock(7301)")
            for task in held { _ = try await task.value }
            return tasks
        }
    }

    /// Prepared on every connection: what is not goes alone.
    private static func prepare(_ sql: String, on pool: PostgresPool, connections: Int) async throws {
        let before = try await gathered(
            (0..<connections * QuickReadBatch.mostReads).map { Self.script(sql, ["\($0 + 1)"]) },
            on: pool,
            connections: connections
        )
        for task in before { _ = try await task.value }
    }

    @Test("those who wait for a connection go to it together, as many as may, and one that is not quick does not")
    func together() async throws {
        try await with(connections: 1) { pool in
            try await Self.prepare(Self.mixed, on: pool, connections: 1)
            for (count, batches) in [(5, 1), (QuickReadBatch.mostReads, 1), (QuickReadBatch.mostReads + 1, 2)] {
                let before = pool.state.withLock { $0.quick.batches }
                let scripts = (1...count).map { Self.script(Self.mixed, ["\($0)"]) }
                let tasks = try await Self.gathered(scripts, on: pool, connections: 1)
                for (index, task) in tasks.enumerated() { #expect(try await task.value == "[[\(index + 1),null]]") }
                #expect(pool.state.withLock { $0.quick.batches } == before + batches, "\(count)")
            }
            // Two of those take as long together as they may, and of what may take long nothing is known.
            let before = pool.state.withLock { $0.quick.batches }
            let dear = (1...4).map { Self.script(Self.mixed, ["\($0)"], expected: .milliseconds(2)) }
            for task in try await Self.gathered(dear, on: pool, connections: 1) { _ = try await task.value }
            #expect(pool.state.withLock { $0.quick.batches } == before + 2)
            let unknown = (1...4).map { Self.script(Self.mixed, ["\($0)"], expected: nil) }
            for task in try await Self.gathered(unknown, on: pool, connections: 1) { _ = try await task.value }
            #expect(pool.state.withLock { $0.quick.batches } == before + 2)
        }
    }

    @Test("one that turns out to be slow lets those behind it go", arguments: [1, 2])
    func slow(connections: Int) async throws {
        try await with(connections: connections) { pool in
            try await Self.prepare(Self.mixed, on: pool, connections: connections)
            let ended = Record()
            let scripts = (0..<6).map { Self.script(Self.mixed, ["\($0)"]) }
            let tasks = try await Self.gathered(scripts, on: pool, connections: connections)
            await withTaskGroup(of: Void.self) { group in
                for (number, task) in tasks.enumerated() {
                    group.addTask {
                        let rows = try? await task.value
                        #expect(rows?.hasPrefix("[[\(number),") == true)
                        ended.note(number)
                    }
                }
            }
            // Where there is no other connection, nowhere to go.
            #expect((ended.noted.first == 0) == (connections == 1), "\(ended.noted)")
        }
    }

    @Test("one over its time, or that nobody waits for, is cancelled, and no other", arguments: [true, false])
    func cancelled(leaves: Bool) async throws {
        try await with(connections: 2) { pool in
            try await Self.prepare(Self.mixed, on: pool, connections: 2)
            for _ in 0..<3 {
                let slow = Self.script(Self.mixed, ["0"], timeout: leaves ? .seconds(20) : .milliseconds(80))
                let others = (1..<12).map { Self.script(Self.mixed, ["\($0)"]) }
                let tasks = try await Self.gathered([slow] + others, on: pool, connections: 2)
                if leaves {
                    let running = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                    while try await pool.rows(running).isEmpty { await Task.yield() }
                    tasks[0].cancel()
                }
                let error = await #expect(throws: PostgresError.self) { try await tasks[0].value }
                #expect(error?.code == (leaves ? .cancelled : .timeout), "\(String(describing: error))")
                for (index, task) in tasks.enumerated().dropFirst() {
                    #expect(try await task.value == "[[\(index),null]]")
                }
            }
            await Self.allAreIdle(pool)
        }
    }

    @Test("a connection that is closed under them is replaced")
    func closedConnections() async throws {
        try await with(connections: 3) { pool in
            let killer = PostgresScript(steps: [
                PostgresStep(
                    sql: """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = 'cistern' AND pid <> pg_backend_pid() AND usename = current_user
                            AND datname = current_database() AND query LIKE '%a mark of quick reads%'
                        """
                )
            ])
            for _ in 0..<5 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<100 {
                        group.addTask {
                            let sql = "SELECT $1::int /* a mark of quick reads */"
                            let rows = try await Self.rows(pool, Self.script(sql, ["\(number)"]))
                            #expect(rows == "[[\(number)]]")
                        }
                    }
                    try await group.waitForAll()
                }
                _ = try await pool.run(killer)
            }
        }
    }

    @Test("those for whom no connection comes free in time are told")
    func impatience() async throws {
        try await PostgresFixture.withPool {
            $0.maximumConnections = 1
            $0.acquireTimeout = .milliseconds(200)
        } _: { pool in
            _ = try await pool.run(Self.script("SELECT $1::int", ["1"]))
            await Self.allAreIdle(pool)
            let hog = Task { try await pool.json("SELECT pg_sleep(1)") }
            while pool.statistics.inUse == 0 { await Task.yield() }
            for _ in 0..<2 {
                let start = ContinuousClock.now
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.run(Self.script("SELECT $1::int", ["1"]))
                }
                #expect(error?.code == .acquireTimeout)
                #expect(start.duration(to: .now) < .milliseconds(700))
            }
            let waiting = (0..<3).map { _ in Task { try await pool.run(Self.script("SELECT $1::int", ["1"])) } }
            while pool.statistics.waiting != 3 { await Task.yield() }
            for task in waiting { _ = try? await task.value }
            #expect(pool.statistics.waiting == 0)
            _ = try await hog.value
            #expect(try await Self.rows(pool, Self.script("SELECT $1::int", ["1"])) == "[[1]]")
        }
    }
}

private final class Record: Sendable {
    private let numbers = Mutex<[Int]>([])

    var noted: [Int] { numbers.withLock { $0 } }

    func note(_ number: Int) {
        numbers.withLock { $0.append(number) }
    }
}
