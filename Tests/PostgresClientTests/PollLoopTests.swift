import Synchronization
import Testing

@testable import PostgresClient

/// A task that prefers a loop does not leave it between steps that wait for nothing.
@Suite("Poll loop's tasks", .timeLimit(.minutes(1)))
struct PollLoopTaskTests {
    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)

        var isRaised: Bool { value.load(ordering: .sequentiallyConsistent) }

        func raise() { value.store(true, ordering: .sequentiallyConsistent) }
    }

    private actor Visitor {
        private let loop: PollLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

        init(_ loop: PollLoop) {
            self.loop = loop
        }

        private func step() async {}

        /// Whether the loop came to do something else meanwhile.
        func isInterrupted() async -> Bool {
            let flag = Flag()
            loop.execute { flag.raise() }
            for _ in 0..<10 { await step() }
            return flag.isRaised
        }
    }

    @Test(arguments: [true, false]) func stepsThatWaitForNothingFollowEachOther(prefersLoop: Bool) async {
        let loop = PollLoop()
        defer { loop.stop() }
        let visitor = Visitor(loop)
        let other = PollLoop()
        defer { other.stop() }
        let isInterrupted = await Task(executorPreference: prefersLoop ? loop : other) {
            await visitor.isInterrupted()
        }.value
        // One that prefers another executor leaves at each step, which is why nobody does.
        #expect(isInterrupted == !prefersLoop)
    }
}

/// Where a script's steps run. Each that runs elsewhere than its connection is two changes of threads.
@Suite("Poll loop", .enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2)))
struct PollLoopTests {
    /// A loop that counts what it is given.
    private final class CountingExecutor: TaskExecutor {
        private let loop = PollLoop()
        private let count = Atomic<Int>(0)

        deinit { loop.stop() }

        var jobs: Int { count.load(ordering: .sequentiallyConsistent) }

        func enqueue(_ job: consuming ExecutorJob) {
            count.add(1, ordering: .sequentiallyConsistent)
            let job = UnownedJob(job)
            loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// Jobs on the caller's executor for one script, and its result's rows.
    private func jobs(for script: PostgresScript, in pool: PostgresPool) async throws -> (jobs: Int, rows: Int) {
        let executor = CountingExecutor()
        return try await Task(executorPreference: executor) {
            let before = executor.jobs
            let rows = try await pool.run(script).map(\.rowCount).max() ?? 0
            return (executor.jobs - before, rows)
        }.value
    }

    @Test func aScriptRunsWhereItsConnectionIsHoweverOftenItWaits() async throws {
        try await PostgresFixture.withPool { pool in
            // The first one waits for a connection to be opened, and for types that are not known yet.
            try await pool.expect("SELECT 1", toAnswer: "[[1]]")
            let short = PostgresScript(steps: [PostgresStep(sql: "SELECT 1")])
            // Some megabytes, of which a socket holds a part.
            let long = PostgresScript(
                steps: [PostgresStep(sql: "SELECT n, repeat('a', 1000) FROM generate_series(1, 4000) n")]
            )
            var several = PostgresScript(steps: (0..<20).map { PostgresStep(sql: "SELECT \($0), pg_sleep(0.001)") })
            several.runsInTransaction = true
            let once = try await jobs(for: short, in: pool)
            let many = try await jobs(for: long, in: pool)
            let inTransaction = try await jobs(for: several, in: pool)
            #expect((once.rows, many.rows) == (1, 4000))
            // There, and back once it is done.
            #expect(once.jobs <= 2)
            #expect(many.jobs == once.jobs)
            #expect(inTransaction.jobs == once.jobs)
        }
    }
}
