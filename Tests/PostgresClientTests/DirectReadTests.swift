import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import PostgresClient

/// Quick reads of an event loop go over a connection of its own, and answer what they would answer elsewhere.
@Suite("Direct reads", .enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2)))
struct DirectReadTests {
    /// Runs tasks on an event loop, as requests' tasks are.
    private final class LoopExecutor: TaskExecutor {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    private struct Fixture: Sendable {
        let pool: PostgresPool
        private let executor = LoopExecutor()

        init(pool: PostgresPool) {
            self.pool = pool
        }

        func ask(_ sql: String, _ parameters: [String?] = [], timeout: Duration = .seconds(20)) async throws -> String {
            let pool = pool
            return try await Task(executorPreference: executor) {
                var step = PostgresStep(sql: sql, parameters: parameters.map { $0.map { .text($0) } ?? .null })
                step.isPrepared = true
                var script = PostgresScript(steps: [step])
                script.isReadOnly = true
                script.expectedDuration = .zero
                script.timeout = timeout
                return String(buffer: try await pool.run(script)[0].body)
            }.value
        }

        /// Past the event loop.
        func askElsewhere(_ sql: String, _ parameters: [String?]) async throws -> String {
            var step = PostgresStep(sql: sql, parameters: parameters.map { $0.map { .text($0) } ?? .null })
            step.isPrepared = true
            var script = PostgresScript(steps: [step])
            script.isReadOnly = true
            return String(buffer: try await pool.run(script)[0].body)
        }

        /// Whether the event loop has a connection to itself.
        var isOpen: Bool {
            get async throws {
                let (pool, eventLoop) = (pool, executor.eventLoop)
                return try await eventLoop.submit {
                    pool.directs.withLock { $0[ObjectIdentifier(eventLoop)] }?.value.isOpen ?? false
                }.get()
            }
        }

        /// Asks until it has. The suite's time is limited.
        func open() async throws {
            while !(try await isOpen) { _ = try await ask("SELECT 1") }
        }

        /// The server's process that answers.
        func backend() async throws -> String { try await ask("SELECT pg_backend_pid()") }
    }

    private func with(
        connections: Int = 5,
        _ body: @escaping @Sendable (Fixture) async throws -> Void
    ) async throws {
        try await PostgresFixture.withPool {
            $0.maximumConnections = connections
            $0.acquireTimeout = .seconds(10)
        } _: {
            try await body(Fixture(pool: $0))
        }
    }

    @Test("they answer what others answer, values of all kinds among it")
    func answers() async throws {
        try await with { fixture in
            try await fixture.open()
            let sqls = [
                "SELECT $1::int, $1::int8 * 10, -1.50::numeric, 'NaN'::float8, true, NULL::text",
                "SELECT 'é\"\\' || chr(10) || $1 AS \"odd \"\" name\", '{\"a\": [1]}'::json, $1::text",
                "SELECT '2024-05-01 10:00:00+02'::timestamptz, '2024-05-01'::date, ARRAY[1, NULL, $1::int], '\\x00ff'::bytea",
                "SELECT n, repeat('y', 5000) FROM generate_series(1, $1::int) AS n", "SELECT WHERE $1::int < 0",
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    let (sql, value) = (sqls[number % sqls.count], number % 7 == 0 ? nil : "\(number % 40)")
                    group.addTask {
                        let answer = try await fixture.ask(sql, [value])
                        let other = try await fixture.askElsewhere(sql, [value])
                        #expect(answer == other)
                    }
                }
                try await group.waitForAll()
            }
            let (one, other) = (try await fixture.backend(), try await fixture.backend())
            #expect(one == other)
            let isOpen = try await fixture.isOpen
            #expect(isOpen)
            while fixture.pool.statistics.inUse > 1 { await Task.yield() }
            #expect(fixture.pool.statistics.inUse == 1)
        }
    }

    @Test("what PostgreSQL refuses is told as ever, and harms nobody beside it")
    func refusals() async throws {
        try await with { fixture in
            try await fixture.open()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let result = await Result { try await fixture.ask("SELECT 100 / $1::int", ["\(number % 4)"]) }
                        switch result {
                        case .success(let body): #expect(body.contains("[[\(100 / max(1, number % 4))]]"))
                        case .failure(let error):
                            #expect((error as? PostgresError)?.sqlState == "22012" && number % 4 == 0)
                        }
                    }
                }
            }
            let wrong = await Result { try await fixture.ask("SELECT nothing_of_the_kind") }
            #expect(throws: PostgresError.self) { try wrong.get() }
            #expect(try await fixture.ask("SELECT 5").contains("[[5]]"))
            let isOpen = try await fixture.isOpen
            #expect(isOpen)
        }
    }

    @Test("a table that is altered, and a type that is new, are answered as they are now")
    func changes() async throws {
        try await with { fixture in
            let table = "direct_\(UInt64.random(in: .min ... .max))"
            _ = try await fixture.pool.rows("CREATE TABLE \(table) AS SELECT 1 AS n")
            _ = try await fixture.pool.rows("CREATE TYPE \(table)_mood AS ENUM ('ok')")
            try await fixture.open()
            for _ in 0..<3 { #expect(try await fixture.ask("SELECT * FROM \(table)").contains("[[1]]")) }
            _ = try await fixture.pool.rows("ALTER TABLE \(table) ADD COLUMN mood \(table)_mood DEFAULT 'ok'")
            for _ in 0..<3 {
                let answer = try await fixture.ask("SELECT * FROM \(table)")
                #expect(answer.contains("[[1,\"ok\"]]") && answer.contains("\(table)_mood\""), "\(answer)")
            }
            _ = try await fixture.pool.rows("ALTER TYPE \(table)_mood RENAME TO \(table)_renamed")
            fixture.pool.discardPlans()
            #expect(try await fixture.ask("SELECT * FROM \(table)").contains("\(table)_renamed\""))
            _ = try await fixture.pool.rows("DROP TABLE \(table)")
            _ = try await fixture.pool.rows("DROP TYPE \(table)_renamed")
        }
    }

    @Test("when its connection is ended, everyone is answered, and another is opened")
    func endedConnection() async throws {
        try await with { fixture in
            try await fixture.open()
            let ended = try await fixture.backend()
            let number = ended.filter(\.isNumber)
            #expect(!number.isEmpty)
            let pid = try #require(ended.firstRange(of: "[[").map { ended[$0.upperBound...].prefix(while: \.isNumber) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for value in 0..<300 {
                    if value == 100 {
                        group.addTask { _ = try await fixture.pool.rows("SELECT pg_terminate_backend(\(pid))") }
                    }
                    group.addTask {
                        let answer = try await fixture.ask("SELECT $1::int + 1", ["\(value)"])
                        #expect(answer.contains("[[\(value + 1)]]"))
                    }
                }
                try await group.waitForAll()
            }
            while try await fixture.isOpen { _ = try await fixture.ask("SELECT 1") }
            try await fixture.open()
            #expect(try await fixture.backend() != ended)
            while fixture.pool.statistics.inUse > 1 { await Task.yield() }
            #expect(fixture.pool.statistics.idle <= 5)
        }
    }

    @Test("a slow one is answered elsewhere, and so are those behind it; its own time limit holds")
    func slow() async throws {
        try await with { fixture in
            try await fixture.open()
            async let slow = fixture.ask("SELECT $1::int, pg_sleep(0.4)::text", ["1"])
            async let tooSlow = Result {
                try await fixture.ask("SELECT $1::int, pg_sleep(30)::text", ["1"], timeout: .milliseconds(300))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for value in 0..<100 {
                    group.addTask {
                        let answer = try await fixture.ask("SELECT $1::int + 1", ["\(value)"])
                        #expect(answer.contains("[[\(value + 1)]]"))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await slow.contains("[[1,\"\"]]"))
            let failure = await tooSlow
            #expect(throws: PostgresError.self) { try failure.get() }
            #expect(try await fixture.ask("SELECT 5").contains("[[5]]"))
        }
    }

    /// The read is on its way, to a server that never answers.
    @Test("who gives up is let go at once")
    func cancelled() async throws {
        var step = PostgresStep(sql: "SELECT 1")
        step.isPrepared = true
        var script = PostgresScript(steps: [step])
        script.isReadOnly = true
        script.expectedDuration = .zero
        let read = try #require(QuickRead(script, nil, patience: Patience(end: .now, limit: nil)))
        let (begun, sink) = AsyncStream.makeStream(of: Void.self)
        let task = Task { await read.outcome { sink.finish() } }
        for await _ in begun {}
        task.cancel()
        guard case .again = await task.value else {
            Issue.record("it was answered")
            return
        }
        #expect(read.interruption.isPending)
    }

    @Test("a small pool keeps its connections for everybody")
    func smallPool() async throws {
        try await with(connections: 3) { fixture in
            for _ in 0..<50 { _ = try await fixture.ask("SELECT 1") }
            let isOpen = try await fixture.isOpen
            #expect(!isOpen)
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
