import PostgresClient
import Testing

/// Whether a script that failed was committed all the same: if so, and nobody is told, what it wrote is missed.
@Suite(.enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2))) struct OutcomeTests {
    private static func outcome(of script: PostgresScript, _ pool: PostgresPool) async -> PostgresError? {
        do throws(PostgresError) {
            _ = try await pool.run(script)
            return nil
        } catch {
            return error
        }
    }

    private static let table = "CREATE UNLOGGED TABLE IF NOT EXISTS pool_outcomes AS SELECT 0 AS n"

    /// The result is over the limit, and has been sent whole before the cancel request comes.
    @Test(arguments: [false, true]) func aWriteWhoseAnswerIsTooLargeMayBeCommitted(inTransaction: Bool) async throws {
        try await PostgresFixture.withPool { pool in
            try await pool.json(Self.table)
            let name = "outcome_\(inTransaction)"
            var script = PostgresScript(steps: [
                PostgresStep(sql: "INSERT INTO pool_outcomes SELECT 1 RETURNING repeat('\(name)', 100)")
            ])
            script.maximumResultBytes = 10
            script.runsInTransaction = inTransaction
            let before = try await pool.rows("SELECT count(*) FROM pool_outcomes")
            let error = try #require(await Self.outcome(of: script, pool))
            #expect(error.code == .resultTooLarge)
            let isCommitted = try await pool.rows("SELECT count(*) FROM pool_outcomes") != before
            #expect(error.outcomeUnknown || !isCommitted)
        }
    }

    @Test func whatPostgreSQLRefusedIsNotCommitted() async throws {
        try await PostgresFixture.withPool { pool in
            try await pool.json(Self.table)
            for inTransaction in [false, true] {
                var script = PostgresScript(steps: [PostgresStep(sql: "INSERT INTO pool_outcomes SELECT 1/0")])
                script.runsInTransaction = inTransaction
                let error = try #require(await Self.outcome(of: script, pool))
                #expect(error.sqlState == "22012" && !error.outcomeUnknown)
            }
        }
    }

    @Test func aStatementThatWasCancelledInTimeIsNotCommitted() async throws {
        try await PostgresFixture.withPool { pool in
            try await pool.json(Self.table)
            var script = PostgresScript(steps: [
                PostgresStep(sql: "INSERT INTO pool_outcomes SELECT 1 FROM pg_sleep(60)")
            ])
            script.runsInTransaction = true
            script.timeout = .milliseconds(50)
            let error = try #require(await Self.outcome(of: script, pool))
            #expect(error.code == .timeout && !error.outcomeUnknown)
        }
    }

    /// Row 51, for what PREPARE leaves: a statement of the pool's own may have been replaced by another.
    @Test func aStatementThatSomebodyPreparedIsNotTakenForOurs() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            #expect(try await pool.json("SELECT 'ours'", prepared: true).contains("ours"))
            let names = try await pool.rows("SELECT name FROM pg_prepared_statements")
            let name = try #require(names.first?.first ?? nil)
            var script = PostgresScript(steps: [
                PostgresStep(sql: "DEALLOCATE \(name)"), PostgresStep(sql: "PREPARE \(name) AS SELECT 'theirs'"),
                PostgresStep(sql: "PREPARE cistern_2 AS SELECT 'theirs'"),
            ])
            script.runsInTransaction = true
            script.mayLeaveSessionState = true
            _ = try await pool.run(script)
            #expect(try await pool.json("SELECT 'ours'", prepared: true).contains("ours"))
            #expect(try await pool.json("SELECT 'new'", prepared: true).contains("new"))
            #expect(try await pool.rows("SELECT count(*) FROM pg_prepared_statements WHERE from_sql") == [["0"]])
            #expect(pool.statistics.connects == 1)
        }
    }

    /// Whether or not its parameters' types are known already.
    @Test func aStatementThatSomebodyDroppedIsDescribedAgain() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            let sql = "SELECT $1::jsonb -> 'a'"
            _ = try await pool.json(sql, [.text("{}")], prepared: true)
            for _ in 0..<2 {
                _ = try await pool.run(PostgresScript(steps: [PostgresStep(sql: "DEALLOCATE ALL")]))
                #expect(try await pool.json(sql, [.object(json: "{\"a\":7}")], prepared: true).contains("[7]"))
            }
            #expect(try await pool.json(sql, [.object(json: "{\"a\":8}")]).contains("[8]"))
        }
    }
}
