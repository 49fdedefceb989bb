import Testing

@testable import QueryProxy

@Suite struct RedisMemoryTests {
    private func memory(_ used: Int, of maximum: Int) throws -> RedisMemory {
        try #require(RedisMemory(info: "used_memory:\(used)\r\nmaxmemory:\(maximum)\r\n"))
    }

    @Test func readsWhatRedisSays() throws {
        let text = """
            # Memory\r
            used_memory:1321096\r
            used_memory_human:1.26M\r
            maxmemory:268435456\r
            maxmemory_policy:allkeys-lru\r

            """
        let memory = try #require(RedisMemory(info: text))
        #expect(memory.used == 1_321_096)
        #expect(memory.maximum == 268_435_456)
        #expect(memory.policy == "allkeys-lru")
        #expect(RedisMemory(info: "") == nil)
        #expect(RedisMemory(info: "used_memory:much") == nil)
        #expect(try self.memory(5, of: 0).usage == nil)
        #expect(try self.memory(5, of: 10).usage == 0.5)
    }

    @Test func warnsOnceAnInterval() throws {
        var watch = RedisMemoryWatch(threshold: 0.8, interval: .seconds(30))
        let start = ContinuousClock.now
        #expect(watch.observed(try memory(80, of: 100), at: start) == .nothing)
        #expect(watch.observed(try memory(81, of: 100), at: start) == .warning(usage: 0.81))
        #expect(watch.isHigh)
        // Looked at by a health check in between.
        #expect(watch.observed(try memory(95, of: 100), at: start + .seconds(29)) == .nothing)
        #expect(watch.observed(try memory(95, of: 100), at: start + .seconds(30)) == .warning(usage: 0.95))
        #expect(watch.observed(try memory(50, of: 100), at: start + .seconds(31)) == .relief(usage: 0.5))
        #expect(!watch.isHigh)
        #expect(watch.observed(try memory(50, of: 100), at: start + .seconds(32)) == .nothing)
        // Up and down about the threshold: still one an interval.
        #expect(watch.observed(try memory(90, of: 100), at: start + .seconds(33)) == .nothing)
        #expect(watch.isHigh)
        #expect(watch.observed(try memory(10, of: 100), at: start + .seconds(34)) == .nothing)
        #expect(watch.observed(try memory(90, of: 100), at: start + .seconds(60)) == .warning(usage: 0.9))
    }

    @Test func aRedisWithoutALimitIsNeverFull() throws {
        var watch = RedisMemoryWatch(threshold: 0.8, interval: .seconds(30))
        #expect(watch.observed(try memory(1 << 40, of: 0), at: .now) == .nothing)
        var deaf = RedisMemoryWatch(threshold: 1, interval: .seconds(30))
        #expect(deaf.observed(try memory(100, of: 100), at: .now) == .nothing)
    }
}
