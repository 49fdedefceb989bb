import NIOCore
import NIOPosix

/// All readers and writers, what they did and what it means. It lives on one event loop, and so do their connections.
final class Load {
    struct Intensity: Sendable {
        var readersPerProxy = 10
        var writers = 8
        /// Whether all writers are at one proxy, so that no other makes good by its own writes what it did not hear.
        var writesOnOneProxy = false
        /// A second, of all writers together.
        var writes = 60.0
        /// The part of the reads that is strict.
        var strict = 0.25
    }

    let eventLoop: any EventLoop
    let layout: Layout
    let intensity: Intensity
    private let ports: [Int]
    private let seed: UInt64
    private let start = NIODeadline.now()
    private var lives: [Int]
    private var connections = 0
    /// Rows that are being written.
    private var busy: Set<Int> = []
    /// What was broken last, for those who look at a stale read.
    private var lastFaults: [String] = []
    var history: History
    var tally = Tally()
    var isWriting = true
    private(set) var isOver = false

    init(
        eventLoop: any EventLoop,
        layout: Layout,
        intensity: Intensity,
        ports: [Int],
        seed: UInt64,
        hasFaults: Bool
    ) {
        self.eventLoop = eventLoop
        self.layout = layout
        self.intensity = intensity
        self.ports = ports
        self.seed = seed
        lives = ports.map { _ in 0 }
        history = History(rows: layout.rows, hasFaults: hasFaults)
    }

    /// Nanoseconds since the beginning.
    var now: Int64 { (NIODeadline.now() - start).nanoseconds }

    func process(of proxy: Int) -> History.Process { History.Process(proxy: proxy, life: lives[proxy]) }

    func begin() {
        for proxy in ports.indices {
            for _ in 0..<intensity.readersPerProxy {
                connect(to: proxy) { ReaderHandler(load: $0, proxy: proxy, random: $1) }
            }
        }
        for writer in 0..<intensity.writers {
            let proxy = intensity.writesOnOneProxy ? 0 : writer % ports.count
            connect(to: proxy) { WriterHandler(load: $0, proxy: proxy, random: $1) }
        }
    }

    func end() {
        isOver = true
    }

    /// Connects, again and again until it is over.
    private func connect(to proxy: Int, _ makeHandler: @escaping (Load, SplitMix64) -> some ChannelHandler) {
        guard !isOver else { return }
        connections += 1
        let random = SplitMix64(seed: seed &+ UInt64(connections) &* 0x9e37_79b9)
        let bound = NIOLoopBound((self, makeHandler), eventLoop: eventLoop)
        let connecting = ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (load, makeHandler) = bound.value
                    try channel.pipeline.syncOperations.addHandler(makeHandler(load, random))
                }
            }
            .connect(host: "127.0.0.1", port: ports[proxy])
        connecting.flatMap { $0.closeFuture }.assumeIsolated().whenComplete { _ in
            self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.connect(to: proxy, makeHandler) }
        }
    }

    // MARK: Writers

    /// A row that nobody writes, from now on the caller's.
    func takeRow(_ random: inout SplitMix64) -> Int? {
        let free = layout.hotRows(at: now).filter { !busy.contains($0) }
        guard let row = free.randomElement(using: &random) else { return nil }
        busy.insert(row)
        return row
    }

    func giveBack(_ row: Int) {
        busy.remove(row)
    }

    // MARK: Faults

    func noteFault(_ text: String) {
        lastFaults.append("\(now / 1_000_000) ms: \(text)")
        if lastFaults.count > 6 { lastFaults.removeFirst() }
    }

    /// The proxy is about to be killed.
    func proxyDies(_ proxy: Int) {
        history.died(process(of: proxy), at: now)
        lives[proxy] += 1
    }

    // MARK: Readers

    func judge(_ read: History.Read, _ reply: Reply) {
        tally.reads += 1
        if read.isStrict { tally.strictReads += 1 }
        if let source = reply.source { tally.readsBySource[source, default: 0] += 1 }
        switch history.judge(read) {
        case .current: break
        case .late(let nanoseconds): tally.delays.add(nanoseconds)
        case .stale(let answer):
            let age = (read.began - answer.at) / 1_000_000
            tally.violated(
                """
                \(describe(read, reply)) saw version \(read.version ?? -1); version \(answer.version), \
                \(answer.isComplete ? "complete" : "incomplete"), had been answered by proxy \(answer.process.proxy) \
                (life \(answer.process.life)) \(age) ms before it began
                """
            )
        case .unheardOf:
            tally.violated("\(describe(read, reply)) saw version \(read.version ?? -1), which nobody has written")
        }
    }

    private func describe(_ read: History.Read, _ reply: Reply) -> String {
        let faults = lastFaults.isEmpty ? "" : " [\(lastFaults.joined(separator: "; "))]"
        return """
            \(read.began / 1_000_000) ms\(faults): a \(read.isStrict ? "strict" : "bounded") read of row \(read.row) on proxy \
            \(read.process.proxy) (life \(read.process.life)), answered from \(reply.source?.rawValue ?? "nowhere"),
            """
    }
}

/// Load, for those on other threads.
struct LoadHandle: Sendable {
    let eventLoop: any EventLoop
    private let load: NIOLoopBound<Load>

    init(on eventLoop: any EventLoop, _ make: @escaping @Sendable () -> Load) async throws {
        self.eventLoop = eventLoop
        load = try await eventLoop.submit { NIOLoopBound(make(), eventLoop: eventLoop) }.get()
    }

    @discardableResult
    func with<Result: Sendable>(_ body: @escaping @Sendable (Load) -> Result) async throws -> Result {
        try await eventLoop.submit { [load] in body(load.value) }.get()
    }
}
