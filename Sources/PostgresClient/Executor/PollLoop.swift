internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// One thread that waits for sockets and runs what belongs to them. It waits with `poll`, which is everywhere and, for the
/// dozens of connections of a pool, as good as anything newer.
///
/// Connections are actors whose executor is a loop, so everything that touches a connection happens on one thread, and no
/// thread ever waits for PostgreSQL. A connection that has to wait leaves its continuation here.
///
/// Invariants: at most one waiter per descriptor; a waiter is resumed exactly once, because whoever takes it out of the table
/// under the lock resumes it; continuations, timers and jobs run outside the lock.
package final class PollLoop: SerialExecutor {
    enum Wake {
        case ready
        case timedOut
        /// ``interrupt(_:)`` was called, or the interruption was there already.
        case interrupted
    }

    private struct Waiter {
        let continuation: CheckedContinuation<Wake, Never>
        let events: Int16
        let deadline: ContinuousClock.Instant?
    }

    private struct Timer {
        let deadline: ContinuousClock.Instant
        let action: @Sendable () -> Void
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var waiters: [Int32: Waiter] = [:]
        var timers: [Int: Timer] = [:]
        var nextTimer = 0
        var isSleeping = false
        var isStopped = false
    }

    private let state = Mutex(State())
    /// A byte written to the second end wakes the thread.
    private let wakeUp: (reading: Int32, writing: Int32)

    package init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system has no descriptors left for an event loop")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        wakeUp = (ends[0], ends[1])
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<PollLoop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            argument
        )
        pthread_detach(thread)
    }

    deinit {
        close(wakeUp.reading)
        close(wakeUp.writing)
    }

    /// Ends the thread once nothing is left to run. What still waits is woken as timed out.
    package func stop() {
        state.withLock { $0.isStopped = true }
        wake()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isSleeping = state.withLock { state in
            state.jobs.append(job)
            return state.isSleeping
        }
        if isSleeping { wake() }
    }

    /// Waits until a descriptor is ready.
    ///
    /// - Parameter interruption: checked under the lock that ``interrupt(_:)`` takes, so that an interruption that comes
    ///   just before the wait begins is not lost.
    func wait(
        for descriptor: Int32,
        toWrite: Bool,
        until deadline: ContinuousClock.Instant?,
        unless interruption: Interruption?,
        isolation: isolated (any Actor)? = #isolation
    ) async -> Wake {
        await withCheckedContinuation { continuation in
            let events = Int16(POLLIN) | (toWrite ? Int16(POLLOUT) : 0)
            let isInterrupted = state.withLock { state in
                if interruption?.isPending == true || state.isStopped { return true }
                precondition(state.waiters[descriptor] == nil, "two waiters for one connection")
                state.waiters[descriptor] = Waiter(continuation: continuation, events: events, deadline: deadline)
                return false
            }
            // The loop's own thread is here, so the loop is not asleep and will find the new waiter.
            if isInterrupted { continuation.resume(returning: .interrupted) }
        }
    }

    /// Wakes whoever waits for a descriptor. From any thread.
    func interrupt(_ descriptor: Int32) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: descriptor) }
        waiter?.continuation.resume(returning: .interrupted)
    }

    /// Runs an action on the loop's thread at a time. From any thread.
    /// - Returns: what ``cancel(_:)`` takes.
    @discardableResult
    func schedule(at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Int {
        let (number, isSleeping) = state.withLock { state in
            state.nextTimer += 1
            state.timers[state.nextTimer] = Timer(deadline: deadline, action: action)
            return (state.nextTimer, state.isSleeping)
        }
        if isSleeping { wake() }
        return number
    }

    /// The action is not run any more, unless it runs already. From any thread.
    func cancel(_ timer: Int) {
        state.withLock { _ = $0.timers.removeValue(forKey: timer) }
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(wakeUp.writing, &byte, 1)
    }

    // MARK: The thread

    private func run() {
        while true {
            let jobs = state.withLock { state in
                let jobs = state.jobs
                state.jobs = []
                return jobs
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            guard let (timeout, descriptors) = beginSleep() else { return }
            finishSleep(ready: wait(timeout, descriptors))
        }
    }

    /// Milliseconds to sleep and what to watch, or nil when the loop has ended.
    private func beginSleep() -> (Int32, [pollfd])? {
        state.withLock { state in
            if state.isStopped && state.jobs.isEmpty && state.waiters.isEmpty { return nil }
            var descriptors = [pollfd(fd: wakeUp.reading, events: Int16(POLLIN), revents: 0)]
            for (descriptor, waiter) in state.waiters {
                descriptors.append(pollfd(fd: descriptor, events: waiter.events, revents: 0))
            }
            if !state.jobs.isEmpty || state.isStopped { return (0, descriptors) }
            state.isSleeping = true
            var deadline: ContinuousClock.Instant?
            for waiter in state.waiters.values { deadline = min(deadline, waiter.deadline) }
            for timer in state.timers.values { deadline = min(deadline, timer.deadline) }
            guard let deadline else { return (-1, descriptors) }
            let left = ContinuousClock.now.duration(to: deadline).components
            let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            return (Int32(clamping: Swift.max(0, milliseconds + 1)), descriptors)
        }
    }

    private func wait(_ timeout: Int32, _ descriptors: [pollfd]) -> [Int32] {
        var descriptors = descriptors
        guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return [] }
        return descriptors.filter { $0.revents != 0 }.map(\.fd)
    }

    private func finishSleep(ready: [Int32]) {
        if ready.contains(wakeUp.reading) {
            withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { bytes in
                while read(wakeUp.reading, bytes.baseAddress, bytes.count) == bytes.count {}
            }
        }
        var woken: [(Waiter, Wake)] = []
        let timers = state.withLock { state in
            state.isSleeping = false
            for descriptor in ready {
                if let waiter = state.waiters.removeValue(forKey: descriptor) { woken.append((waiter, .ready)) }
            }
            let now = ContinuousClock.now
            for (descriptor, waiter) in state.waiters {
                guard state.isStopped || waiter.deadline.map({ $0 <= now }) == true else { continue }
                state.waiters.removeValue(forKey: descriptor)
                woken.append((waiter, .timedOut))
            }
            let due = state.timers.filter { $0.value.deadline <= now }
            for number in due.keys { state.timers[number] = nil }
            return due.values.map { $0 }
        }
        for (waiter, wake) in woken { waiter.continuation.resume(returning: wake) }
        for timer in timers { timer.action() }
    }
}

private func min(_ one: ContinuousClock.Instant?, _ other: ContinuousClock.Instant?) -> ContinuousClock.Instant? {
    guard let one, let other else { return one ?? other }
    return Swift.min(one, other)
}

/// A wish to end what a connection is doing, raised from any thread.
final class Interruption: Sendable {
    private let pending = Atomic<Bool>(false)

    var isPending: Bool { pending.load(ordering: .acquiring) }

    func raise() {
        pending.store(true, ordering: .releasing)
    }
}
