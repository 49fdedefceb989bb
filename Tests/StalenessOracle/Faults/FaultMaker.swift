import Synchronization

/// Breaks things, and tells the history when.
///
/// It sleeps by the machine's clock: what it breaks are other processes, which live by that and no other.
final class FaultMaker: Sendable {
    private let site: Site
    private let load: LoadHandle
    private let plan: Mutex<FaultPlan>
    private let counts = Mutex<[String: Int]>([:])

    init(_ kind: FaultPlan.Kind, site: Site, load: LoadHandle, seed: UInt64) {
        self.site = site
        self.load = load
        plan = Mutex(FaultPlan(kind, seed: seed))
    }

    /// How often each fault was made.
    var made: [(name: String, count: Int)] {
        counts.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }

    /// Breaks things for so long, Redis and the proxies independently of each other; then once more, and meanwhile stops the
    /// writers. When it returns, everything runs again.
    func round(of time: Duration) async throws {
        let end = ContinuousClock.now + time
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.repeatedly(until: end) { $0.redisFault() } }
            group.addTask { try await self.repeatedly(until: end) { $0.proxyFault() } }
            try await group.waitForAll()
        }
        let last = plan.withLock { $0.lastFault() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.make(last) }
            group.addTask {
                try await Task.sleep(for: .milliseconds(last.duration * 9 / 10))
                try await self.load.with { $0.isWriting = false }
            }
            try await group.waitForAll()
        }
    }

    /// Breaks Redis or the connections to it until the task is cancelled.
    ///
    /// - Parameter rest: for so long nobody writes after each fault, so that what went wrong is not made good.
    func breakRedis(rest: Duration) async throws {
        while true {
            try await load.with { $0.isWriting = true }
            let (pause, fault) = plan.withLock { plan in (plan.pause(), plan.redisFault()) }
            try await Task.sleep(for: .milliseconds(pause))
            try await make(fault)
            guard rest > .zero else { continue }
            try await load.with { $0.isWriting = false }
            try await Task.sleep(for: rest)
        }
    }

    private func repeatedly(until end: ContinuousClock.Instant, _ next: (inout FaultPlan) -> Fault) async throws {
        while true {
            let (pause, fault) = plan.withLock { plan in (plan.pause(), next(&plan)) }
            guard ContinuousClock.now + .milliseconds(pause) < end else { return }
            // Something to come back with, and time in which it grows old.
            if case .killRedis(_, .lastSnapshot) = fault {
                try await site.redis.reply("SAVE")
                try await Task.sleep(for: .milliseconds(pause / 2))
            }
            try await make(fault)
            try await Task.sleep(for: .milliseconds(pause))
        }
    }

    private func make(_ fault: Fault) async throws {
        counts.withLock { $0[fault.name, default: 0] += 1 }
        let number = try await load.with { load in
            load.noteFault("\(fault)")
            return load.history.disturbanceBegan(fault.kind, at: load.now)
        }
        switch fault {
        case .killProxies(let proxies, let away):
            for proxy in proxies {
                try await load.with { $0.proxyDies(proxy) }
                await site.killProxy(proxy)
            }
            try await Task.sleep(for: .milliseconds(away))
            for proxy in proxies { try site.startProxy(proxy) }
            for proxy in proxies { try await site.isReady(proxy) }
        case .killRedis(let away, let contents):
            await site.killRedis()
            try await Task.sleep(for: .milliseconds(away))
            try await site.startRedis(with: contents)
        case .pauseRedis(let time):
            try await site.redis.reply("CLIENT PAUSE \(time) ALL")
            try await Task.sleep(for: .milliseconds(time))
        case .flush: try await site.redis.reply("FLUSHALL")
        case .endSubscriptions(let times):
            for _ in 0..<times {
                try await site.redis.reply("CLIENT KILL TYPE pubsub")
                try await Task.sleep(for: .milliseconds(250))
            }
        case .endConnections: try await site.redis.reply("CLIENT KILL TYPE normal")
        }
        try await load.with { load in
            load.noteFault("end of \(fault.name)")
            load.history.disturbanceEnded(number, at: load.now)
        }
    }
}

extension Fault {
    fileprivate var kind: Disturbances.Kind {
        if case .killProxies = self { .proxy } else { .redis }
    }

    /// Milliseconds.
    fileprivate var duration: Int {
        switch self {
        case .killProxies(_, let away): away
        case .killRedis(let away, _): away
        case .pauseRedis(let time): time
        case .flush, .endSubscriptions, .endConnections: 0
        }
    }
}
