import Testing

@testable import LoadTest

@Suite("Plans of a load")
struct LoadPlanTests {
    private func error(_ change: (inout LoadPlan) -> Void) -> String? {
        var plan = LoadPlan(target: .postgres("", usesSimpleProtocol: false))
        change(&plan)
        do throws(LoadTestError) {
            try plan.check()
            return nil
        } catch {
            return error.description
        }
    }

    @Test("what cannot be done is said")
    func checks() {
        #expect(error { _ in } == nil)
        #expect(error { $0.pipeline = 2 }?.contains("one request at a time") == true)
        #expect(error { $0.connections = 0 }?.contains("connections") == true)
        #expect(error { $0.threads = 51 }?.contains("more threads than connections") == true)
        #expect(error { $0.rate = 0 }?.contains("rate") == true)
        #expect(error { $0.duration = .nan }?.contains("duration") == true)
        #expect(error { $0.scenario.writes = 1.5 }?.contains("writes") == true)
    }

    @Test("io_uring where it is allowed and the load can use it")
    func choosesHowToRead() throws {
        func usesRing(_ change: (inout LoadPlan) -> Void) throws -> Bool {
            var plan = LoadPlan(target: .redis(HostAndPort(host: "127.0.0.1", port: 1), valueBytes: 10))
            change(&plan)
            try plan.check()
            var isAsked = false
            let ring = try plan.ring { () throws(LoadTestError) in
                isAsked = true
                throw LoadTestError("io_uring: Operation not permitted")
            }
            #expect(ring == nil)
            return isAsked
        }
        // Where the kernel does not allow it the load goes on without, unless io_uring was asked for.
        #expect(try usesRing { _ in })
        #expect(throws: LoadTestError.self) { try usesRing { $0.io = .ring } }
        #expect(try !usesRing { $0.io = .readiness })
        #expect(try !usesRing { $0.target = .postgres("", usesSimpleProtocol: false) })
        #expect(try usesRing { $0.rate = 1000 })
        #expect(
            try !usesRing {
                $0.rate = 1000
                $0.pipeline = 2
            }
        )
        #expect(error { $0.io = .ring }?.contains("io_uring is not for libpq") == true)
    }

    @Test("addresses")
    func readsAddresses() {
        #expect(HostAndPort("db.example:7432") == HostAndPort(host: "db.example", port: 7432))
        #expect(HostAndPort("[::1]:80") == HostAndPort(host: "::1", port: 80))
        #expect(HostAndPort("[::1]:80")?.description == "[::1]:80")
        #expect(HostAndPort("localhost") == nil)
        #expect(HostAndPort("localhost:0") == nil)
    }

    @Test("requests are chosen by their shares")
    func choosesByShare() {
        func request(_ weight: Double, write: Bool) -> Scenario.Request {
            Scenario.Request(name: "", weight: weight, isWrite: write, sql: "", parameters: [], fields: [:])
        }
        let choice = RequestChoice(
            [request(3, write: false), request(1, write: false), request(7, write: true)],
            writes: 0.2
        )
        var random = RandomNumbers(seed: 5)
        var counts = [0, 0, 0]
        for _ in 0..<100_000 { counts[choice.next(&random)] += 1 }
        #expect((59_000...61_000).contains(counts[0]))
        #expect((19_000...21_000).contains(counts[1]))
        #expect((19_000...21_000).contains(counts[2]))
    }
}
