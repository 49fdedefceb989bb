import Testing

@testable import PostgresClient

@Suite struct PoolStateTests {
    private let error = PostgresError(.unavailable, "away")
    private let now = ContinuousClock.now

    private func wait(_ pool: inout PoolState<String>) throws -> (PoolState<String>.WaiterID, open: Int) {
        guard case .wait(let waiter, let open) = pool.acquire() else { throw error }
        return (waiter, open)
    }

    private func connection(_ pool: inout PoolState<String>) throws -> String {
        guard case .connection(let connection) = pool.acquire() else { throw error }
        return connection
    }

    @Test func opensOnlyAsManyAsAreWaitedFor() throws {
        var pool = PoolState<String>(minimum: 0, maximum: 2)
        #expect(try wait(&pool).open == 1)
        #expect(try wait(&pool).open == 1)
        #expect(try wait(&pool).open == 0)
        #expect(pool.opening == 2)
    }

    @Test func servesThoseWhoWaitInOrder() throws {
        var pool = PoolState<String>(minimum: 0, maximum: 1)
        let first = try wait(&pool).0
        let second = try wait(&pool).0
        let third = try wait(&pool).0
        #expect(pool.opened("a", at: now) == first)
        let left = pool.leave(second)
        #expect(left)
        #expect(pool.released("a", at: now) == third)
        #expect(pool.released("a", at: now) == nil)
        #expect(try connection(&pool) == "a")
        let again = pool.leave(third)
        #expect(!again)
    }

    @Test func tellsEverybodyWhenNothingIsLeft() throws {
        var pool = PoolState<String>(minimum: 1, maximum: 4)
        let first = try wait(&pool).0
        let second = try wait(&pool).0
        #expect(pool.openingFailed(error) == [first, second])
        _ = pool.openingFailed(error)
        guard case .fail(let failure) = pool.acquire() else {
            return #expect(Bool(false), "nobody waits while it is down")
        }
        #expect(failure.code == .unavailable)
        // One attempt at a time goes on, and its success ends it.
        #expect(pool.openIfUseful() == 1)
        #expect(pool.openIfUseful() == 0)
        #expect(pool.opened("a", at: now) == nil)
        #expect(try connection(&pool) == "a")
    }

    @Test func goesOnTryingThoughNobodyMayWait() throws {
        var pool = PoolState<String>(minimum: 0, maximum: 2)
        _ = try wait(&pool)
        _ = pool.openingFailed(error)
        #expect(pool.openIfUseful() == 1)
        _ = pool.openingFailed(error)
        #expect(pool.openIfUseful() == 1)
        _ = pool.opened("a", at: now)
        #expect(pool.openIfUseful() == 0)
        #expect(try connection(&pool) == "a")
    }

    @Test func aFailureWhileOthersServeFailsNobody() throws {
        var pool = PoolState<String>(minimum: 0, maximum: 2)
        _ = try wait(&pool)
        _ = pool.opened("a", at: now)
        let second = try wait(&pool).0
        #expect(pool.openingFailed(error).isEmpty)
        #expect(pool.released("a", at: now) == second)
    }

    @Test func replacesWhatEnded() throws {
        var pool = PoolState<String>(minimum: 1, maximum: 2)
        #expect(pool.openIfUseful() == 1)
        _ = pool.opened("a", at: now)
        _ = try connection(&pool)
        #expect(pool.ended() == 1)
    }

    @Test func closesWhatIsOldOrSpare() throws {
        var pool = PoolState<String>(minimum: 1, maximum: 3)
        for name in ["a", "b", "c"] {
            _ = try wait(&pool)
            _ = pool.opened(name, at: now)
        }
        for name in ["a", "b", "c"] { _ = pool.released(name, at: now) }
        #expect(pool.takeExpired(where: { _ in false }, idleSince: now - .seconds(1)).isEmpty)
        #expect(pool.takeExpired(where: { _ in false }, idleSince: now + .seconds(1)).count == 2)
        #expect(pool.takeExpired(where: { $0.connection == "c" }, idleSince: now) == ["c"])
        #expect(pool.openIfUseful() == 1)
    }

    @Test func shutsDown() throws {
        var pool = PoolState<String>(minimum: 0, maximum: 1)
        let waiter = try wait(&pool).0
        #expect(pool.shutDown().0 == [waiter])
        guard case .fail(let failure) = pool.acquire() else { return #expect(Bool(false), "served after the end") }
        #expect(failure.code == .shuttingDown)
    }
}

@Suite struct PreparedStatementsTests {
    @Test func forgetsTheLeastRecentlyUsed() {
        var statements = PreparedStatements(limit: 2)
        let keys = ["a", "b", "c"].map { PreparedStatements.Key(sql: $0, planKey: "") }
        statements.add(keys[0], name: "1")
        statements.add(keys[1], name: "2")
        _ = statements.statement(for: keys[0])
        let evicted = statements.makeRoom()
        #expect(evicted == ["2"])
        statements.add(keys[2], name: "3")
        #expect(statements.count == 2)
        let first = statements.statement(for: keys[0])?.name
        #expect(first == "1")
    }
}

@Suite struct ArrayLiteralTests {
    @Test(arguments: [
        ("[]", "{}"), ("[1,2.50]", "{\"1\",\"2.50\"}"), ("[null,\"NULL\",\"\"]", "{NULL,\"NULL\",\"\"}"),
        ("[\"a,b\",\"{\",\"\\\"\",\"\\\\\"]", "{\"a,b\",\"{\",\"\\\"\",\"\\\\\"}"), ("[[1],[2]]", "{{\"1\"},{\"2\"}}"),
        ("[true,false]", "{\"true\",\"false\"}"),
    ])
    func quotesEveryElement(json: String, expected: String) throws {
        #expect(try ArrayLiteral(json: json, elementIsJSON: false).text == expected)
    }

    @Test func elementsThatAreJSONStayWhole() throws {
        #expect(
            try ArrayLiteral(json: "[{\"a\":[1]},[2],\"x\"]", elementIsJSON: true).text
                == "{\"{\\\"a\\\":[1]}\",\"[2]\",\"\\\"x\\\"\"}"
        )
    }

    @Test(arguments: ["{}", "[{}]", "[\"\\u0000\"]", "[1"])
    func refusesWhatIsNoArray(json: String) {
        #expect(throws: ArrayLiteralError.self) { try ArrayLiteral(json: json, elementIsJSON: false) }
    }
}
