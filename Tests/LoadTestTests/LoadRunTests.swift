import Foundation
import Testing

@testable import LoadTest

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("A load on the canned server", .serialized)
struct LoadRunTests {
    static let ways: [SocketIO] = hasRing ? [.readiness, .ring] : [.readiness]

    private func plan(_ io: SocketIO = .automatic) -> LoadPlan {
        var plan = LoadPlan(target: .canned(answerBytes: 300))
        plan.io = io
        plan.connections = 5
        plan.pipeline = 4
        plan.warmUp = 0.1
        plan.duration = 0.4
        return plan
    }

    @Test("a closed loop, on two threads, every key once before", arguments: ways)
    func closedLoop(io: SocketIO) async throws {
        var plan = plan(io)
        plan.threads = 2
        plan.preloads = true
        plan.scenario.keys = 1000
        let result = try await LoadRun(plan).run()
        #expect(result.errors == 0)
        #expect(result.requestsPerSecond > 1000)
        #expect(result.bySource.map(\.name) == ["memory"])
        #expect(result.io == io && result.json.contains("\"io\":\"\(io.rawValue)\""))
        #expect(result.all.p50 <= result.all.p99 && result.all.p99 <= result.all.maximum)
        #expect(result.json.contains("\"by_source\":{\"memory\":{\"count\":"))
        let page = ReportPage(result).html
        #expect(page.contains("<polyline") && page.contains(">memory</text>") && !page.contains("nan"))
    }

    @Test("more in the pipeline than the server sends at once", arguments: ways)
    func longPipeline(io: SocketIO) async throws {
        var plan = plan(io)
        plan.pipeline = 5000
        let result = try await LoadRun(plan).run()
        #expect(result.errors == 0 && result.all.count >= 5 * 5000)
    }

    @Test("an open loop keeps its rate", arguments: ways)
    func openLoop(io: SocketIO) async throws {
        var plan = plan(io)
        plan.pipeline = 1
        plan.rate = 2000
        let result = try await LoadRun(plan).run()
        #expect(result.io == io)
        #expect((1500...2500).contains(result.requestsPerSecond), "\(result.requestsPerSecond)")
    }

    @Test("what was due and did not come counts among all, and comes from nowhere")
    func silence() async throws {
        // Connections are made, and nobody takes them.
        let (listener, port) = try loopbackListener()
        defer { close(listener) }
        var plan = plan()
        plan.target = .cistern(HostAndPort(host: "127.0.0.1", port: port))
        plan.rate = 1000
        let result = try await LoadRun(plan).run()
        #expect(result.unanswered > 300 && result.all.count == result.unanswered)
        #expect(result.bySource.isEmpty && result.requestsPerSecond == 0 && result.errors == 0)
    }

    @Test("the server closes", arguments: ways)
    func serverCloses(io: SocketIO) async throws {
        let (listener, port) = try loopbackListener()
        defer { close(listener) }
        var plan = plan(io)
        plan.connections = 1
        plan.target = .cistern(HostAndPort(host: "127.0.0.1", port: port))
        Thread {
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, 10_000) == 1 { close(accept(listener, nil, nil)) }
        }.start()
        let run = LoadRun(plan)
        let error = await #expect(throws: LoadTestError.self) { try await run.run() }
        // What it had not read makes the system say that it was reset.
        let said = error?.description ?? ""
        #expect(said.contains("closed a connection") || said.contains("broke"), "\(said)")
    }

    @Test("nobody listens")
    func unreachable() async {
        var plan = plan()
        plan.target = .cistern(HostAndPort(host: "127.0.0.1", port: 1))
        await #expect(throws: LoadTestError.self) { try await LoadRun(plan).run() }
    }
}

@Suite("When requests are due")
struct ScheduleTests {
    @Test("a stall is charged to every request that was due meanwhile")
    func countsFromWhenDue() {
        var schedule = Schedule(requestsPerSecond: 1000, start: 0)
        for _ in 0..<10 { _ = schedule.take() }
        // Nothing could be sent for a second: a thousand requests were due, and each waited since its own moment.
        var recorder = Recorder()
        let end: Int64 = 1_009_000_000
        while schedule.next <= end { recorder.record(.plain, end - schedule.take()) }
        let latencies = Latencies(recorder.answers)
        #expect(latencies.count == 1000)
        #expect((495...505).contains(latencies.p50), "\(latencies.p50)")
        #expect((985...995).contains(latencies.p99), "\(latencies.p99)")
    }
}
