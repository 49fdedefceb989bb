import Logging
import NIOCore
import PostgresClient
import Testing

@Suite(.enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2))) struct PoolTests {
    @Test func parameters() async throws {
        try await PostgresFixture.withPool { pool in
            for prepared in [false, true] {
                let body = try await pool.json(
                    "SELECT $1::int + 1, $2::text, $3::int[], $4::jsonb, $5::text[], $6::jsonb, $7::date",
                    [
                        .text("41"), .text("a'b"), .array(json: "[1,null,3]"), .object(json: "{\"a\": [1]}"),
                        .array(json: "[[\"x\",\"y,\"],[\"NULL\",null]]"), .array(json: "[1,{}]"), .null,
                    ],
                    prepared: prepared
                )
                #expect(
                    body.contains(
                        "[42,\"a'b\",[1,null,3],{\"a\": [1]},[[\"x\",\"y,\"],[\"NULL\",null]],[1, {}],null]"
                    ),
                    "\(body)"
                )
            }
        }
    }

    @Test(arguments: [
        (PostgresParameter.object(json: "{}"), "SELECT $1::int"), (.array(json: "[1]"), "SELECT $1::int"),
        (.text("a\0b"), "SELECT $1::text"), (.array(json: "[{}]"), "SELECT $1::int[]"),
    ])
    func parametersThatDoNotFit(parameter: PostgresParameter, sql: String) async throws {
        try await PostgresFixture.withPool { pool in
            await #expect { try await pool.json(sql, [parameter]) } throws: {
                ($0 as? PostgresError)?.code == .invalidParameter
            }
            try await pool.expect("SELECT 1", toAnswer: "[[1]]")
        }
    }

    @Test func whatPostgreSQLSays() async throws {
        try await PostgresFixture.withPool { pool in
            await #expect { try await pool.json("SELECT * FROM no_such_table") } throws: { error in
                guard let error = error as? PostgresError else { return false }
                return error.code == .server && error.sqlState == "42P01" && error.position == 15
                    && error.stepIndex == 0
            }
            await #expect { try await pool.json("SELECT 1/0", prepared: true) } throws: {
                ($0 as? PostgresError)?.sqlState == "22012"
            }
            try await pool.expect("SELECT 1", toAnswer: "[[1]]")
        }
    }

    @Test func settingsHoldForOneScript() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            var script = PostgresScript(steps: [PostgresStep(sql: "SELECT current_setting('TimeZone')")])
            script.settings = [("timezone", "America/Lima")]
            let inside = String(buffer: try await pool.run(script)[0].body)
            #expect(inside.contains("America/Lima"))
            let after = try await pool.json("SELECT current_setting('TimeZone')")
            #expect(!after.contains("Lima"))
            script.settings = [("no_such_setting", "1")]
            await #expect { try await pool.run(script) } throws: {
                ($0 as? PostgresError)?.message.contains("no_such_setting") == true
            }
        }
    }

    @Test func transactionsAreAllOrNothing() async throws {
        try await PostgresFixture.withPool { pool in
            try await pool.json("DROP TABLE IF EXISTS pool_transactions")
            try await pool.json("CREATE TABLE pool_transactions (n int PRIMARY KEY)")
            var script = PostgresScript(steps: [
                PostgresStep(sql: "INSERT INTO pool_transactions VALUES (1)"),
                PostgresStep(sql: "INSERT INTO pool_transactions VALUES (1)"),
            ])
            script.runsInTransaction = true
            await #expect { try await pool.run(script) } throws: {
                ($0 as? PostgresError)?.sqlState == "23505" && ($0 as? PostgresError)?.stepIndex == 1
            }
            #expect(try await pool.rows("SELECT count(*) FROM pool_transactions") == [["0"]])
            script.steps[1].sql = "INSERT INTO pool_transactions VALUES (2), (3)"
            let results = try await pool.run(script)
            #expect(results.map(\.command) == ["INSERT", "INSERT"])
            #expect(results.map(\.rowCount) == [1, 2])
            script.steps = [PostgresStep(sql: "DELETE FROM pool_transactions")]
            script.rollsBack = true
            #expect(try await pool.run(script)[0].rowCount == 3)
            #expect(try await pool.rows("SELECT count(*) FROM pool_transactions") == [["3"]])
        }
    }

    @Test func aStatementOverItsTimeIsCancelledInPostgreSQL() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            var script = PostgresScript(steps: [PostgresStep(sql: "SELECT pg_sleep(60)")])
            script.timeout = .milliseconds(50)
            await #expect { try await pool.run(script) } throws: { ($0 as? PostgresError)?.code == .timeout }
            // The one connection there is can be used again at once.
            try await pool.expect("SELECT 7", toAnswer: "[[7]]")
            #expect(pool.statistics.connects == 1)
        }
    }

    @Test func aCancelledTaskCancelsItsStatement() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 2 }) { pool in
            let task = Task { try await pool.json("SELECT pg_sleep(60), 'cancel me'") }
            let question =
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%cancel me%' AND query NOT LIKE '%activity%' AND state = 'active'"
            while try await pool.rows(question) != [["1"]] { await Task.yield() }
            task.cancel()
            await #expect { try await task.value } throws: { ($0 as? PostgresError)?.code == .cancelled }
            #expect(try await pool.rows(question) == [["0"]])
        }
    }

    @Test func aResultOverTheLimitIsCancelled() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            var script = PostgresScript(steps: [
                PostgresStep(sql: "SELECT repeat('x', 1000) FROM generate_series(1, 100000000)")
            ])
            script.maximumResultBytes = 100_000
            await #expect { try await pool.run(script) } throws: {
                ($0 as? PostgresError)?.code == .resultTooLarge
            }
            try await pool.expect("SELECT 7", toAnswer: "[[7]]")
        }
    }

    /// Correctness row 51.
    @Test func nothingOfASessionReachesItsNextUser() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            var script = PostgresScript(steps: [
                PostgresStep(
                    sql: "SELECT set_config('work_mem', '123kB', false), set_config('app.user', 'eve', false)"
                ),
                PostgresStep(sql: "SELECT pg_advisory_lock(4711)"),
                PostgresStep(sql: "CREATE TEMP TABLE left_behind AS SELECT 1"),
            ])
            script.mayLeaveSessionState = true
            script.runsInTransaction = true
            _ = try await pool.run(script)
            let row = try await pool.rows(
                """
                SELECT current_setting('work_mem'), coalesce(current_setting('app.user', true), ''),
                    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
                    to_regclass('left_behind')::text
                """
            )[0]
            #expect(row == ["4MB", "", "0", nil])
            #expect(pool.statistics.connects == 1)
        }
    }

    /// Correctness row 52: unique tokens under cancellations and time-outs; each answer is its own request's.
    @Test func noAnswerReachesAnotherRequest() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 4 }) { pool in
            let answered = await withTaskGroup(of: Int.self) { group in
                for worker in 0..<16 {
                    group.addTask {
                        var random = SystemRandomNumberGenerator()
                        var answered = 0
                        for round in 0..<250 {
                            let token = "token-\(worker)-\(round)-\(random.next())"
                            var step = PostgresStep(
                                sql: "SELECT $1::text, pg_sleep($2::float8)",
                                parameters: [.text(token), .text(Bool.random() ? "0" : "0.004")]
                            )
                            step.isPrepared = Bool.random()
                            var script = PostgresScript(steps: [step])
                            script.timeout = .milliseconds(Int.random(in: 1...8))
                            let task = Task { [script] in try await pool.run(script) }
                            if Int.random(in: 0..<4) == 0 { task.cancel() }
                            guard let results = try? await task.value else { continue }
                            answered += 1
                            #expect(String(buffer: results[0].body).contains("[\"\(token)\","))
                        }
                        return answered
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(answered > 400)
            #expect(pool.statistics.inUse == 0)
        }
    }

    /// Correctness row 53.
    @Test func aConnectionThatBreaksGivesNobodyHalfAResult() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 2 }) { pool in
            let sql =
                "SELECT repeat('half', 100), CASE WHEN i = 5000 THEN pg_terminate_backend(pg_backend_pid()) END FROM generate_series(1, 1000000) AS i"
            await #expect { try await pool.json(sql) } throws: { error in
                guard let error = error as? PostgresError else { return false }
                return error.code == .connectionLost && error.outcomeUnknown
            }
            try await pool.expect("SELECT 7", toAnswer: "[[7]]")
        }
    }

    @Test func idleConnectionsThatTheServerClosedAreReplaced() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 2 }) { pool in
            let pid = try await pool.rows("SELECT pg_backend_pid()")[0][0] ?? ""
            try await PostgresFixture.withPool { other in
                _ = try await other.rows("SELECT pg_terminate_backend(\(pid))")
                while try await other.rows("SELECT count(*) FROM pg_stat_activity WHERE pid = \(pid)") != [["0"]] {}
            }
            #expect(try await pool.rows("SELECT 7") == [["7"]])
        }
    }

    @Test func aPlanThatTheSchemaOutdatedIsMadeAgain() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            try await pool.json("DROP TABLE IF EXISTS pool_plans")
            try await pool.json("CREATE TABLE pool_plans (a int)")
            let before = try await pool.json("SELECT * FROM pool_plans", prepared: true)
            #expect(before.contains("\"int4\""))
            try await pool.json("ALTER TABLE pool_plans ALTER a TYPE text, ADD b int")
            let after = try await pool.json("SELECT * FROM pool_plans", prepared: true)
            #expect(after.contains("\"b\"") && after.contains("\"text\""))
            try await pool.json("DEALLOCATE ALL")
            #expect(try await pool.json("SELECT * FROM pool_plans", prepared: true) == after)
            pool.discardPlans()
            #expect(try await pool.json("SELECT * FROM pool_plans", prepared: true) == after)
        }
    }

    @Test func thoseWhoWaitTooLongAreTold() async throws {
        try await PostgresFixture.withPool({
            $0.maximumConnections = 1
            $0.acquireTimeout = .milliseconds(50)
        }) { pool in
            try await pool.firstConnection()
            let slow = Task { try await pool.json("SELECT pg_sleep(60)") }
            while pool.statistics.inUse == 0 { await Task.yield() }
            await #expect { try await pool.json("SELECT 1") } throws: {
                ($0 as? PostgresError)?.code == .acquireTimeout
            }
            slow.cancel()
            _ = try? await slow.value
            try await pool.expect("SELECT 1", toAnswer: "[[1]]")
        }
    }

    @Test func copyIsRefusedAndHarmsNobody() async throws {
        try await PostgresFixture.withPool({ $0.maximumConnections = 1 }) { pool in
            await #expect(throws: PostgresError.self) { try await pool.json("COPY (SELECT 1) TO STDOUT") }
            try await pool.expect("SELECT 7", toAnswer: "[[7]]")
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct UnreachableServerTests {
    @Test func isToldAtOnce() async throws {
        let pool = PostgresPool(
            configuration: PostgresConfiguration(url: "host=127.0.0.1 port=1 dbname=x user=x"),
            logger: .init(label: "test")
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            await #expect { try await pool.firstConnection() } throws: {
                ($0 as? PostgresError)?.code == .unavailable
            }
            await #expect { try await pool.json("SELECT 1") } throws: {
                ($0 as? PostgresError)?.code == .unavailable
            }
            group.cancelAll()
        }
    }

    /// What was to tell the server to forget a statement stood behind one that failed, in the same pipeline.
    @Test func preparedStatementsThatWereToBeForgottenInAFailedScriptAreForgottenLater() async throws {
        try await PostgresFixture.withPool({ configuration in
            configuration.maximumConnections = 1
            configuration.preparedStatementsPerConnection = 2
        }) { pool in
            for round in 0..<5 {
                try await pool.json("SELECT \(round), 1", prepared: true)
                try await pool.json("SELECT \(round), 2", prepared: true)
                var steps = [PostgresStep(sql: "SELECT 1/0"), PostgresStep(sql: "SELECT \(round), 3")]
                steps[1].isPrepared = true
                var script = PostgresScript(steps: steps)
                script.runsInTransaction = true
                let failing = script
                await #expect(throws: PostgresError.self) { try await pool.run(failing) }
            }
            try await pool.json("SELECT 'last'", prepared: true)
            let left = try await pool.rows("SELECT count(*) FROM pg_prepared_statements")
            #expect(left == [["2"]])
        }
    }
}
