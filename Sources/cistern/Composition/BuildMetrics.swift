internal import NIOCore
internal import Observability

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What tells of the process itself: its version, its start, its use of the machine.
struct BuildMetrics: Sendable {
    let version: String
    private let startedAt: Double
    private let start = ContinuousClock.now

    init(version: String) {
        self.version = version
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        startedAt = Double(now.tv_sec) + Double(now.tv_nsec / 1_000_000) / 1000
    }

    var uptime: Duration { start.duration(to: .now) }

    func families(_ lag: EventLoopLag) -> [MetricFamily] {
        var build = MetricFamily("cistern_build_info", .info, "What is running.")
        build.add(.integer(1), ["version": version])
        let loops = MetricFamily(
            "cistern_event_loop_lag_seconds",
            .histogram,
            "Time that a task put into an event loop waited before it ran.",
            .latency(lag.histogram.snapshot)
        )
        return [build, loops] + ProcessReading.now.families(startedAt: startedAt)
    }
}
