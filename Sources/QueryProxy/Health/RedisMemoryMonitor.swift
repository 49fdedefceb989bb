package import Logging
internal import NIOCore
package import RedisClient
internal import Synchronization

/// Looks at Redis's memory at every interval, and says so in the log when it runs full.
///
/// The reading is kept for the metrics, so that a scrape asks Redis nothing.
package final class RedisMemoryMonitor: Sendable {
    private struct State {
        var watch: RedisMemoryWatch
        var last: (memory: RedisMemory, at: ContinuousClock.Instant)?
    }

    private let redis: RedisClient
    private let interval: Duration
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - threshold: the share of `maxmemory` above which there is a warning.
    ///   - interval: between two looks, and between two warnings at least.
    package init(redis: RedisClient, threshold: Double, interval: Duration, logger: Logger) {
        self.redis = redis
        self.interval = interval
        self.logger = logger
        state = Mutex(State(watch: RedisMemoryWatch(threshold: threshold, interval: interval)))
    }

    /// Looks until the task is cancelled.
    package func run() async {
        // The first look as soon as Redis is there, so that a restart does not blind the metrics for an interval.
        _ = try? await redis.firstConnection()
        repeat {
            // That Redis is away is said elsewhere.
            _ = try? await look()
        } while (try? await Task.sleep(for: interval)) != nil
    }

    /// The last reading, if it is not older than three intervals; nil while there is none.
    package var current: RedisMemory? {
        let oldest = ContinuousClock.now - interval * 3
        return state.withLock { $0.last.flatMap { $0.at < oldest ? nil : $0.memory } }
    }

    package var isHigh: Bool { state.withLock { $0.watch.isHigh } }

    /// Asks Redis now.
    package func look() async throws(RedisError) -> RedisMemory {
        let reply = try await redis.send(RedisCommand("INFO", "memory"))
        guard let memory = reply.string.flatMap({ RedisMemory(info: $0) }) else {
            throw RedisError(code: .server, message: "Redis does not tell its memory")
        }
        let now = ContinuousClock.now
        let saying = state.withLock { state in
            state.last = (memory, now)
            return state.watch.observed(memory, at: now)
        }
        say(saying, memory)
        return memory
    }

    private func say(_ saying: RedisMemoryWatch.Saying, _ memory: RedisMemory) {
        func metadata(_ usage: Double) -> Logger.Metadata {
            [
                "usage": "\((usage * 1000).rounded() / 10) %", "used_bytes": "\(memory.used)",
                "max_bytes": "\(memory.maximum)", "policy": "\(memory.policy)",
            ]
        }
        switch saying {
        case .nothing: break
        case .warning(let usage): logger.warning("Redis memory usage is high", metadata: metadata(usage))
        case .relief(let usage): logger.notice("Redis memory usage is back to normal", metadata: metadata(usage))
        }
    }
}
