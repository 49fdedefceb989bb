import JSONText
import ProcessSupport
import Synchronization
import Testing

@Suite("Shared connections")
struct SharedConnectionTests {
    @Test("Row 51: settings, advisory locks, temporary tables and listening of one caller are not met by the next")
    func sessionState() async throws {
        try await Site.open { site in
            let client = try await site.client(["CISTERN_POSTGRES_POOL_SIZE": "1"])
            let pid = try await client.query("SELECT pg_backend_pid()").rows
            for sql in [
                "SELECT set_config('app.secret', 'mine', false)", "SELECT set_config('timezone', 'Asia/Tokyo', false)",
                "SELECT pg_advisory_lock(5101)", "DO $$ BEGIN CREATE TEMP TABLE left_over (n int); END $$",
                "DO $$ BEGIN PERFORM set_config('search_path', 'pg_catalog', false); END $$",
                "SELECT setseed(0.5)",
            ] {
                #expect(try await client.query(sql).isOK, "\(sql)")
            }
            #expect(try await client.query("SELECT current_setting('app.secret', true)").rows != #"[["mine"]]"#)
            #expect(try await client.query("SHOW timezone").rows != #"[["Asia/Tokyo"]]"#)
            #expect(try await client.query("SHOW search_path").rows.contains(site.name))
            #expect(try await client.query("SELECT * FROM left_over").sqlState == "42P01")
            let isFree = try await eventually(within: .seconds(2)) {
                try await site.database.value(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5101"
                ) == "0"
            }
            #expect(isFree)
            #expect(try await client.query("SELECT pg_backend_pid()").rows == pid, "it was another connection")
        }
    }

    @Test("Statements that make sense only in a session are refused, by name and with what to use instead")
    func refusedStatements() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let client = try await site.client()
            for (sql, name) in [
                ("SET timezone = 'UTC'", "SET"), ("RESET ALL", "RESET"), ("BEGIN", "BEGIN"), ("COMMIT", "COMMIT"),
                ("ROLLBACK", "ROLLBACK"), ("SAVEPOINT s", "SAVEPOINT"), ("PREPARE p AS SELECT 1", "PREPARE"),
                ("EXECUTE p", "EXECUTE"), ("DEALLOCATE p", "DEALLOCATE"), ("DECLARE c CURSOR FOR SELECT 1", "DECLARE"),
                ("FETCH c", "FETCH"), ("LISTEN x", "LISTEN"), ("COPY items FROM STDIN", "COPY"),
                ("COPY items TO STDOUT", "COPY"), ("CREATE TEMP TABLE t (n int)", "TEMP"), ("begin", "BEGIN"),
                ("/* x */ SeT LOCAL timezone = 'UTC'", "SET"), ("START TRANSACTION", "START TRANSACTION"),
                ("SELECT 1 INTO TEMP t", "TEMP"),
            ] {
                let answer = try await client.query(sql)
                #expect(answer.code == "bad_request" && answer.message.contains(name), "\(sql): \(answer)")
            }
            #expect(try await client.query("NOTIFY x, 'hello'").isOK)
            for sql in ["SELECT 1; SELECT 2", "", "-- nothing", ";"] {
                #expect(try await client.query(sql).code == "bad_request", "\(sql)")
            }
            let forbidden = try await client.query("SELECT 1", #""settings":{"role":"x"}"#)
            #expect(forbidden.code == "forbidden", "\(forbidden)")
        }
    }

    @Test("Row 52: a statement cancelled on its time-out does not cancel its successor on the same connection")
    func timeouts() async throws {
        try await Site.open { site in
            let client = try await site.client(["CISTERN_POSTGRES_POOL_SIZE": "1"])
            var timeouts = 0
            for round in 0..<60 {
                let limit = 5 + round % 12
                let first = try await client.query("SELECT pg_sleep(0.01), 'a\(round)'", "\"timeout_ms\":\(limit)")
                if first.code == "timeout" {
                    timeouts += 1
                } else {
                    #expect(first.rows == #"[["","a\#(round)"]]"#, "\(first)")
                }
                let successor = try await client.query("SELECT pg_sleep(0.002), 'b\(round)'")
                #expect(successor.rows == #"[["","b\#(round)"]]"#, "\(successor)")
            }
            #expect((1..<60).contains(timeouts), "\(timeouts) of 60 were cancelled; both must happen")
            let long = ContinuousClock.now
            let answer = try await client.query("SELECT pg_sleep(30)", #""timeout_ms":100"#)
            #expect(answer.code == "timeout", "\(answer)")
            #expect(long.duration(to: .now) < .seconds(2))
            let left = try await eventually(within: .seconds(2)) {
                try await site.database.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(site.name)' AND state = 'active'"
                ) == "0"
            }
            #expect(left, "the statement still runs in PostgreSQL")
        }
    }

    @Test("No answer reaches another's request: unique tokens under time-outs, cancellations and clients that hang up")
    func tokens() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(["CISTERN_POSTGRES_POOL_SIZE": "4"])
            let figures = Figures()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<8 {
                    group.addTask { try await Self.call(caller, proxy, requests: 500, figures) }
                }
                for caller in 0..<3 {
                    group.addTask { try await Self.hangUp(caller, proxy, times: 40) }
                }
                try await group.waitForAll()
            }
            let (answered, timedOut) = figures.counts.withLock { $0 }
            #expect(answered + timedOut == 4000)
            #expect(timedOut > 20 && answered > 2000, "\(answered) answered, \(timedOut) timed out")
            // Nothing is left behind.
            let client = try await proxy.client()
            let isIdle = try await eventually(within: .seconds(5)) {
                let stats = try await client.stats()
                return stats["postgres"]?["in_use"]?.int == 0 && stats["flights"]?["under_way"]?.int == 0
            }
            #expect(isIdle)
        }
    }

    private final class Figures: Sendable {
        let counts = Mutex((answered: 0, timedOut: 0))
    }

    /// Keeps sixteen requests under way on one connection, told apart by their ids.
    private static func call(_ caller: Int, _ proxy: CisternProcess, requests: Int, _ figures: Figures) async throws {
        let client = try await proxy.client()
        var waiting: Set<String> = []
        var next = 0
        while next < requests || !waiting.isEmpty {
            while waiting.count < 16 && next < requests {
                let token = "\(caller)-\(next)"
                try await client.send(request(token, next))
                waiting.insert(token)
                next += 1
            }
            let answer = try Answer(await client.nextLine())
            let token = answer.json["id"]?.string ?? "?"
            #expect(waiting.remove(token) != nil, "an answer to nothing that was asked: \(answer)")
            if answer.code == "timeout" {
                figures.counts.withLock { $0.timedOut += 1 }
            } else {
                #expect(answer.json["rows"]?.array?.last?.array?.last?.string == token, "crossed: \(answer)")
                figures.counts.withLock { $0.answered += 1 }
            }
        }
        await client.close()
    }

    private static func request(_ token: String, _ number: Int) -> String {
        let sql: String
        var members = ["\"id\":\"\(token)\"", "\"params\":[\"\(token)\"]"]
        switch number % 5 {
        case 0: sql = "SELECT pg_sleep(0.003), $1::text"
        case 1: sql = "SELECT random(), $1::text"
        case 2: sql = "SELECT i, $1::text FROM generate_series(1, 200) AS i"
        case 3: sql = "WITH x AS (SELECT 1) SELECT count(*), $1::text FROM x"
        default: sql = "SELECT clock_timestamp(), $1::text"
        }
        if number % 10 == 0 { members.append("\"timeout_ms\":\(1 + number % 7)") }
        return LineClient.request(sql, members) + "\n"
    }

    /// Asks, and leaves without waiting for the answer.
    private static func hangUp(_ caller: Int, _ proxy: CisternProcess, times: Int) async throws {
        for round in 0..<times {
            let client = try await proxy.client()
            try await client.send(
                LineClient.request("SELECT pg_sleep(0.05), $1::text", [#""params":["gone-\#(caller)-\#(round)"]"#])
                    + "\n"
            )
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
            await client.close()
        }
    }
}
