internal import Foundation
internal import Synchronization

/// Runs what may recurse deeply on threads with a large stack.
///
/// The threads of Swift's pool have half a megabyte. A thread is started when there is work and no thread that could
/// take it, and ends when no work is left, so there is nothing to stop. At most `limit` run at once; the rest of the
/// work waits in the order in which it came.
final class ParserThreads: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var threads = 0
    }

    /// Reserved, not used: the kernel gives a page when it is touched.
    static let stackBytes = 64 << 20

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            let needsThread = state.withLock { state in
                state.waiting.append { continuation.resume(returning: body()) }
                guard state.threads < limit else { return false }
                state.threads += 1
                return true
            }
            if needsThread { startThread() }
        }
    }

    private func startThread() {
        let thread = Thread { [self] in
            while let work = next() { work() }
        }
        thread.stackSize = Self.stackBytes
        thread.name = "sql-parser"
        thread.start()
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.threads -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
