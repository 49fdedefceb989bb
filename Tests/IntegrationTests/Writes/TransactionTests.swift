import JSONText
import Testing

@Suite("Transactions")
struct TransactionTests {
    private static func transaction(_ statements: [String], _ members: String...) -> String {
        let list = statements.map { "{\"sql\":\(JSONValue.string($0).jsonText)}" }.joined(separator: ",")
        return "{" + ([#""op":"transaction""#, "\"statements\":[\(list)]"] + members).joined(separator: ",") + "}"
    }

    private static func makeItems(_ site: Site) async throws {
        try await site.database.execute(
            "CREATE TABLE items (id int PRIMARY KEY, n int)",
            "INSERT INTO items VALUES (1, 1), (2, 2)"
        )
    }

    @Test("Row 30: rolled back: nothing uncommitted is stored, and error.statement tells where")
    func rolledBack() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            try await site.makeHeldFunction()
            let proxy = try await site.proxy()
            let one = try await proxy.client()
            let other = try await site.client()
            let writer = try await proxy.client()
            let sql = "SELECT n FROM items WHERE id = 1"
            try await site.holding(lock: 30) { release in
                // Written, not committed, while others read.
                async let failed = writer.ask(
                    Self.transaction(["UPDATE items SET n = 99 WHERE id = 1", sql, "SELECT held(1, 30)", "SELECT 1/0"])
                )
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                for client in [one, other] {
                    let read = try await client.query(sql)
                    #expect(read.isOK && read.rows == "[[1]]", "\(read)")
                }
                try await release()
                let answer = try await failed
                #expect(answer.code == "sql_error" && answer.sqlState == "22012", "\(answer)")
                #expect(answer.error?["statement"]?.int == 3, "\(answer)")
            }
            for client in [one, other] {
                #expect(try await client.query(sql, #""consistency":"strict""#).rows == "[[1]]")
                #expect(try await client.query(sql).rows == "[[1]]")
                #expect(try await client.query(sql, #""cache":false"#).rows == "[[1]]")
            }
        }
    }

    @Test("Row 31: a savepoint rolled back: what it alone touched stays cached")
    func savepoint() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            try await site.database.execute("CREATE TABLE others AS SELECT 1 AS n")
            let freshness = try await site.freshness()
            try await freshness.fill("SELECT n FROM items ORDER BY id")
            try await freshness.check(
                Self.transaction([
                    "SAVEPOINT s", "UPDATE items SET n = 99", "ROLLBACK TO SAVEPOINT s", "UPDATE others SET n = 2",
                ]),
                reads: ["SELECT n FROM others"]
            ).expectInvalidated(["\(site.name).others"])
            for client in [freshness.writer, freshness.other] {
                let answer = try await client.query("SELECT n FROM items ORDER BY id")
                #expect(answer.origin == "memory" && answer.rows == "[[1],[2]]", "\(answer)")
            }
        }
    }

    @Test("Rows 32 and 33: reads in a transaction are not from the cache, and see its own writes")
    func reads() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            let client = try await site.client()
            let sql = "SELECT n FROM items WHERE id = 1"
            #expect(try await client.query(sql).origin == "miss")
            // Past the proxy: the cache is old now.
            try await site.database.execute("UPDATE items SET n = 10 WHERE id = 1")
            #expect(try await client.query(sql).rows == "[[1]]")
            for isolation in ["read committed", "repeatable read", "serializable"] {
                let answer = try await client.ask(
                    Self.transaction([sql, "SHOW transaction_isolation"], "\"isolation\":\"\(isolation)\"")
                )
                let results = answer.json["results"]?.array ?? []
                #expect(results.first?["rows"]?.jsonText == "[[10]]", "\(answer)")
                #expect(results.first?["cache"]?.string == "bypass", "\(answer)")
                #expect(results.first?["reason"]?.string == "in_transaction", "\(answer)")
                #expect(results.last?["rows"]?.jsonText == #"[["\#(isolation)"]]"#, "\(answer)")
            }
            #expect(try await client.query(sql).rows == "[[1]]", "a read in a transaction invalidated or was stored")
            let own = try await client.ask(
                Self.transaction([
                    sql, "UPDATE items SET n = n + 1 WHERE id = 1", sql, "INSERT INTO items VALUES (3, 3)",
                ])
            )
            let results = own.json["results"]?.array ?? []
            #expect(results.map { $0["rows"]?.jsonText } == ["[[10]]", "[]", "[[11]]", "[]"], "\(own)")
            #expect(results.map { $0["command"]?.string } == [nil, "UPDATE", nil, "INSERT"], "\(own)")
            #expect(own.invalidated == ["\(site.name).items"] && own.isComplete == true, "\(own)")
            #expect(try await client.query(sql).rows == "[[11]]")
        }
    }

    @Test("All statements or none; settings, invalidate and refresh belong to the whole")
    func whole() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            let freshness = try await site.freshness()
            let reads = ["SELECT n FROM items ORDER BY id", "SELECT sum(n) FROM items"]
            let answer = try await freshness.check(
                Self.transaction(
                    ["UPDATE items SET n = n - 1 WHERE id = 1", "UPDATE items SET n = n + 1 WHERE id = 2"],
                    #""refresh":[{"sql":"SELECT n FROM items ORDER BY id"}]"#,
                    #""settings":{"timezone":"Asia/Tokyo"}"#
                ),
                reads: [reads[0]]
            )
            #expect(answer.json["refreshed"]?.array?.first?["rows"]?.jsonText == "[[0],[3]]", "\(answer)")
            let shown = try await freshness.writer.ask(
                Self.transaction(
                    ["SHOW timezone", "SET LOCAL timezone = 'UTC'", "SHOW timezone"],
                    #""settings":{"timezone":"Asia/Tokyo"}"#
                )
            )
            let results = shown.json["results"]?.array ?? []
            #expect(results.first?["rows"]?.jsonText == #"[["Asia/Tokyo"]]"#, "\(shown)")
            #expect(results.last?["rows"]?.jsonText == #"[["UTC"]]"#, "\(shown)")
            #expect(try await freshness.writer.query("SHOW timezone").rows != #"[["Asia/Tokyo"]]"#)
            for (statements, index, code) in [
                (["UPDATE items SET n = 50", "INSERT INTO items VALUES (1, 1)"], 1, "sql_error"),
                (["UPDATE items SET n = 50", "SELECT * FROM nowhere", "SELECT 1"], 1, "sql_error"),
                (["UPDATE items SET n = 50", "COMMIT"], 1, "bad_request"),
                (["UPDATE items SET n = 50", "SET timezone = 'UTC'"], 1, "bad_request"),
                (["SELECT 1; SELECT 2"], 0, "bad_request"),
                (["UPDATE items SET n = 50", "VACUUM items"], 1, "bad_request"),
            ] {
                let failed = try await freshness.writer.ask(Self.transaction(statements))
                #expect(failed.code == code, "\(statements): \(failed)")
                if code == "sql_error" || failed.error?["statement"] != nil {
                    #expect(failed.error?["statement"]?.int == index, "\(statements): \(failed)")
                }
            }
            #expect(try await site.database.value("SELECT string_agg(n::text, ',' ORDER BY id) FROM items") == "0,3")
        }
    }

    @Test("A serialization failure is an error of PostgreSQL's, and nothing was applied")
    func serializationFailure() async throws {
        try await Site.open { site in
            try await Self.makeItems(site)
            try await site.makeHeldFunction()
            let client = try await site.client()
            try await site.holding(lock: 31) { release in
                async let late = client.ask(
                    Self.transaction(
                        ["SELECT n FROM items", "SELECT held(1, 31)", "UPDATE items SET n = 7 WHERE id = 1"],
                        #""isolation":"repeatable read""#
                    )
                )
                #expect(try await site.database.waitForAdvisoryLocks(of: site.name))
                try await site.database.execute("UPDATE items SET n = 5 WHERE id = 1")
                try await release()
                let answer = try await late
                #expect(answer.sqlState == "40001" && answer.error?["statement"]?.int == 2, "\(answer)")
            }
            #expect(try await client.query("SELECT n FROM items WHERE id = 1").rows == "[[5]]")
        }
    }
}

extension Answer {
    fileprivate func expectInvalidated(_ tables: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(invalidated == tables, "\(self)", sourceLocation: sourceLocation)
    }
}
