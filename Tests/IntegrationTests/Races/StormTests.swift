import JSONText
import Synchronization
import Testing

/// A thousand writes a second to one table must not become a thousand messages a second to every proxy.
@Suite("Row 48: a storm of writes to one table")
struct StormTests {
    private static let sql = "SELECT max(n) FROM items"

    /// What was answered and when, for the reads that must not be older.
    private final class Progress: Sendable {
        private struct State {
            var answered: [(value: Int, at: ContinuousClock.Instant)] = [(0, .now)]
            var isOver = false
        }

        private let state = Mutex(State())

        var isOver: Bool {
            get { state.withLock { $0.isOver } }
            set { state.withLock { $0.isOver = newValue } }
        }

        func answered(_ value: Int) {
            state.withLock { state in
                if let last = state.answered.last, last.value < value { state.answered.append((value, .now)) }
            }
        }

        /// The largest value whose write was answered that long ago.
        func floor(before delay: Duration) -> Int {
            let limit = ContinuousClock.now - delay
            return state.withLock { state in state.answered.last { $0.at <= limit }?.value ?? 0 }
        }
    }

    private struct Storm {
        var writes = 0
        var messages = 0
        var duration = Duration.zero

        /// One a window of 4 ms, the one that opens the first, and one that another window's end brought.
        var isWithinBound: Bool { Double(messages) <= duration / .milliseconds(4) + 2 }
    }

    /// Writers on one proxy, as fast as it answers, and a subscriber of the test's own that counts what is told.
    private static func storm(_ site: Site, on proxy: CisternProcess, _ progress: Progress) async throws -> Storm {
        let writers = 12
        let writesPerWriter = 60
        let listener = try await Listener.start(
            port: try #require(site.ownRedis).port,
            channel: "\(site.name):invalidation"
        )
        var clients: [LineClient] = []
        for _ in 0..<writers { clients.append(try await proxy.client()) }
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, client) in clients.enumerated() {
                group.addTask {
                    for step in 1...writesPerWriter {
                        let value = step * writers + number
                        let answer = try await client.query("UPDATE items SET n = \(value) WHERE id = \(number)")
                        #expect(answer.isComplete == true, "\(answer)")
                        progress.answered(value)
                    }
                }
            }
            try await group.waitForAll()
        }
        let duration = start.duration(to: .now)
        // What is told of the last write has its window's time.
        try await Task.sleep(for: .milliseconds(50))
        let messages = try await listener.stop()
        return Storm(writes: writers * writesPerWriter, messages: messages, duration: duration)
    }

    private static func makeItems(_ site: Site) async throws {
        try await site.database.execute("CREATE TABLE items AS SELECT i AS id, 0 AS n FROM generate_series(0, 11) AS i")
    }

    @Test("Few messages, and no proxy serves what is older than the channel's delay")
    func fewMessages() async throws {
        try await Site.open(redis: .own, alone: true) { site in
            try await Self.makeItems(site)
            let (one, two) = (try await site.proxy(), try await site.proxy())
            let progress = Progress()
            let storm = try await withThrowingTaskGroup(of: Void.self) { group in
                // Nothing is older than what was answered before the read began; on another proxy, a second before.
                for (proxy, members, delay) in [
                    (two, #""consistency":"strict""#, Duration.zero), (one, #""consistency":"bounded""#, .zero),
                    (two, #""consistency":"bounded""#, .seconds(1)),
                ] {
                    let client = try await proxy.client()
                    group.addTask {
                        while !progress.isOver {
                            let floor = progress.floor(before: delay)
                            let answer = try await client.query(Self.sql, members)
                            let value = answer.json["rows"]?.array?.first?.array?.first?.int ?? -1
                            try #require(value >= floor, "\(members): \(value) after \(floor) was answered")
                        }
                    }
                }
                let storm = try await Self.storm(site, on: one, progress)
                progress.isOver = true
                try await group.waitForAll()
                return storm
            }
            #expect(storm.isWithinBound, "\(storm)")
            #expect(storm.messages > 0 && storm.messages < storm.writes, "\(storm)")
            let writer = try await one.client()
            let freshness = Freshness(writer: writer, other: try await two.client())
            try await freshness.expectFresh(Self.sql, after: "a storm")
        }
    }

    @Test("It is noticed when messages are not gathered: there are more than the bound")
    func withoutGathering() async throws {
        try await Site.open(redis: .own, alone: true) { site in
            try await Self.makeItems(site)
            let proxy = try await site.proxy(withoutGuard: "gathers-messages")
            // A machine that is busy elsewhere may be too slow for a storm.
            var isOver = false
            for _ in 0..<5 where !isOver {
                isOver = try await !Self.storm(site, on: proxy, Progress()).isWithinBound
            }
            #expect(isOver)
        }
    }
}

/// Counts what is published on a channel, as any other service would hear it.
private struct Listener {
    private let client: LineClient
    private let counting: Task<Int, any Error>

    static func start(port: Int, channel: String) async throws -> Listener {
        let client = try await LineClient.connect(port: port)
        // *3, $9, subscribe, $n, the channel, :1
        #expect(try await client.exchange("SUBSCRIBE \(channel)").hasPrefix("*3"))
        for _ in 0..<5 { _ = try await client.nextLine() }
        let counting = Task {
            var count = 0
            while true {
                let line = try await client.nextLine()
                if line.hasPrefix("{") { count += 1 }
                if line.hasPrefix("unsubscribe") { return count }
            }
        }
        return Listener(client: client, counting: counting)
    }

    func stop() async throws -> Int {
        client.sendWithoutWaiting("UNSUBSCRIBE\n")
        let count = try await counting.value
        await client.close()
        return count
    }
}
