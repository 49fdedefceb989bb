internal import Foundation
internal import NIOCore
internal import QueryProxy
internal import ServiceLifecycle
internal import Synchronization

/// The events that the dashboard lives on: at first the counts of the last minutes, then every second the figures, and every
/// few seconds the advice.
///
/// The figures of a second are made once for all who watch, and not at all while nobody does; the counts alone are kept all
/// the time, a few numbers a second.
package final class DashboardFeed: Service {
    private static let interval = Duration.seconds(1)
    /// Samples, that is seconds.
    private static let historyLength = 301
    private static let adviceEvery = 5
    static let maximumWatchers = 32

    private struct State {
        var history: [LiveSample] = []
        var frames: [QueryOrder: (time: Int64, figures: ByteBuffer)] = [:]
        var watchers = 0
    }

    private let sources: DashboardSources
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameter now: milliseconds since 1970.
    package init(
        sources: DashboardSources,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }
    ) {
        self.sources = sources
        self.now = now
    }

    /// Keeps the counts until it is told to stop.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat { self.keepSample() } while (try? await Task.sleep(for: Self.interval)) != nil
        }
    }

    func keepSample() {
        let sample = sources.sample(now())
        state.withLock { state in
            state.history.append(sample)
            if state.history.count > Self.historyLength { state.history.removeFirst() }
        }
    }

    /// The text of the events; nil where too many watch already.
    ///
    /// It ends when its reader is cancelled, and when the server stops.
    func events(queriesBy order: QueryOrder) -> AsyncStream<ByteBuffer>? {
        guard let seat = Seat(self) else { return nil }
        let turn = Mutex(0)
        return AsyncStream { [self] in
            _ = seat
            let number = turn.withLock { turn in
                defer { turn += 1 }
                return turn
            }
            if number > 0 {
                do {
                    try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) }
                } catch {
                    return nil
                }
            }
            // Stopped during the very moment between two events.
            if Task.isCancelled || Task.isShuttingDownGracefully { return nil }
            return await event(number, order)
        }
    }

    private func event(_ number: Int, _ order: QueryOrder) async -> ByteBuffer {
        var text = ByteBuffer()
        if number == 0 {
            text.writeStaticString("retry: 1000\n")
            text.writeEvent("history", QueryProxy.history(state.withLock { $0.history }))
        }
        text.writeEvent("figures", await figures(by: order))
        if number % Self.adviceEvery == 0 { text.writeEvent("advice", await sources.advice()) }
        return text
    }

    /// Those of this second.
    func figures(by order: QueryOrder) async -> ByteBuffer {
        let time = now()
        if let frame = state.withLock({ $0.frames[order] }), abs(time - frame.time) < 900 { return frame.figures }
        let figures = await sources.figures(time, order)
        state.withLock { $0.frames[order] = (time, figures) }
        return figures
    }

    /// One who watches. The seat is free again when the stream is forgotten, however it ends.
    private final class Seat: Sendable {
        private let feed: DashboardFeed

        init?(_ feed: DashboardFeed) {
            let isFree = feed.state.withLock { state in
                if state.watchers >= DashboardFeed.maximumWatchers { return false }
                state.watchers += 1
                return true
            }
            if !isFree { return nil }
            self.feed = feed
        }

        deinit {
            feed.state.withLock { $0.watchers -= 1 }
        }
    }

    var watchers: Int { state.withLock { $0.watchers } }
}

extension ByteBuffer {
    /// An event whose data is one line.
    fileprivate mutating func writeEvent(_ name: String, _ data: ByteBuffer) {
        writeString("event: \(name)\ndata: ")
        writeImmutableBuffer(data)
        writeStaticString("\n\n")
    }
}
