import NIOPosix
import ProcessSupport

/// One run of the oracle.
///
/// It sleeps by the machine's clock, which is the proxies' too: what it waits for is that nothing comes any more, and of that
/// no process tells.
struct Examination: Sendable {
    var program: String
    /// A libpq connection string.
    var database: String
    var seconds: Double
    /// When given, it goes on until so many reads have been made.
    var reads: Int?
    var faults: FaultPlan.Kind?
    var guardsOff: [String]
    var intensity: Load.Intensity
    var seed: UInt64
    var keepsLogs: Bool

    /// How long everything is left alone after faults before every proxy must know everything: the longest time that the
    /// history allows, and one for the machine.
    private static let rest = Duration.seconds(8)

    func run() async throws -> Report {
        // Where a guard is off that matters without faults, everything depends on writes that overtake slow reads.
        let layout = Layout(slowness: guardsOff.isEmpty || faults != nil ? 20_000 : 100_000)
        let site = try await Site(
            program: program,
            database: database,
            layout: layout,
            guardsOff: guardsOff,
            logLevel: keepsLogs ? "debug" : "info"
        )
        do {
            try await site.open()
            let report = try await examine(site)
            await site.close(keepsLogs: keepsLogs)
            return report
        } catch {
            await site.close(keepsLogs: keepsLogs)
            throw error
        }
    }

    private func examine(_ site: Site) async throws -> Report {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let ports = site.proxies.map(\.port)
        var intensity = intensity
        intensity.writesOnOneProxy = faults == .subscriptions
        let load = try await LoadHandle(on: eventLoop) { [intensity, seed, faults] in
            Load(
                eventLoop: eventLoop,
                layout: site.layout,
                intensity: intensity,
                ports: ports,
                seed: seed,
                hasFaults: faults != nil
            )
        }
        try await load.with { $0.begin() }
        let began = ContinuousClock.now
        let maker = FaultMaker(faults ?? .all, site: site, load: load, seed: seed)
        switch faults {
        case nil:
            try await goOn(load, site, since: began)
            guard guardsOff.isEmpty else { break }
            try await load.with { $0.isWriting = false }
            try await Task.sleep(for: .seconds(1))
            try await compare(site, load)
        case .all: try await goOnWithFaults(maker, site, load, since: began)
        case .subscriptions, .pauses:
            try await withThrowingTaskGroup(of: Void.self) { group in
                let rest = Duration.seconds(faults == .subscriptions ? 7 : 0)
                group.addTask { try? await maker.breakRedis(rest: rest) }
                try await goOn(load, site, since: began)
                group.cancelAll()
            }
        }
        let time = began.duration(to: .now)
        let tally = try await load.with { load in
            load.end()
            return load.tally
        }
        return Report(tally: tally, faults: maker.made, time: time)
    }

    private func isDone(_ load: LoadHandle, since began: ContinuousClock.Instant) async throws -> Bool {
        let (reads, stale) = try await load.with { ($0.tally.reads, $0.tally.stale) }
        if !guardsOff.isEmpty, stale > 0 { return true }
        if let wanted = self.reads { return reads >= wanted }
        return began.duration(to: .now) >= .seconds(seconds)
    }

    private func goOn(_ load: LoadHandle, _ site: Site, since began: ContinuousClock.Instant) async throws {
        while !(try await isDone(load, since: began)) {
            try await Task.sleep(for: .milliseconds(20))
            if let crash = site.crash { throw ChildProcess.Failure(description: crash) }
        }
    }

    /// Rounds of faults, each with a rest behind it at whose end everything must be as in PostgreSQL.
    private func goOnWithFaults(
        _ faults: FaultMaker,
        _ site: Site,
        _ load: LoadHandle,
        since began: ContinuousClock.Instant
    ) async throws {
        let round = Duration.seconds(min(20, max(4, seconds - 12)))
        repeat {
            try await load.with { $0.isWriting = true }
            try await faults.round(of: round)
            if let crash = site.crash { throw ChildProcess.Failure(description: crash) }
            let end = ContinuousClock.now + Self.rest
            try await Task.sleep(until: end)
            try await compare(site, load)
        } while !(try await isDone(load, since: began))
    }

    private func compare(_ site: Site, _ load: LoadHandle) async throws {
        let differences = try await site.differences(load)
        try await load.with { load in
            for difference in differences { load.tally.violated(difference) }
        }
    }
}
