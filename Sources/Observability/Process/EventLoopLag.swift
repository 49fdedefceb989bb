package import NIOCore
internal import Synchronization

/// How long the event loops let things wait: a task is put into each at every interval, and the time until it runs is
/// recorded. A loop that is stuck, or has more work than it can do, shows here before its clients complain.
package final class EventLoopLag: Sendable {
    private static let interval: Duration = .milliseconds(250)

    package let histogram = LatencyHistogram()
    private let loops: [any EventLoop]
    /// When each loop last ran a task, in nanoseconds of NIO's clock.
    private let lastSeen: Mutex<[UInt64]>

    package init(_ group: any EventLoopGroup) {
        loops = Array(group.makeIterator())
        lastSeen = Mutex(Array(repeating: NIODeadline.now().uptimeNanoseconds, count: loops.count))
    }

    /// Measures until the task is cancelled.
    package func run() async {
        while (try? await Task.sleep(for: Self.interval)) != nil { measure() }
    }

    package func measure() {
        for (index, loop) in loops.enumerated() {
            let sent = NIODeadline.now()
            loop.execute { [self] in
                let now = NIODeadline.now()
                histogram.record(nanoseconds: UInt64(max(0, (now - sent).nanoseconds)))
                lastSeen.withLock { $0[index] = now.uptimeNanoseconds }
            }
        }
    }

    /// How long ago the slowest loop was last seen to work, in nanoseconds. Below half a second while all is well.
    package var longestSilence: Int64 {
        let oldest = lastSeen.withLock { $0.min() } ?? 0
        return Int64(clamping: NIODeadline.now().uptimeNanoseconds) - Int64(clamping: oldest)
    }
}
