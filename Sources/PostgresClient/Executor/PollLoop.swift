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
/// A task that prefers another executor than its connection's loop goes there and back at each step that might wait, whether
/// it waits or not; so whoever uses a connection prefers its loop meanwhile.
///
/// Invariants: at most one waiter per descriptor; a waiter is resumed exactly once, because whoever takes it out of the table
/// under the lock resumes it; continuations, timers and jobs run outside the lock.
package final class PollLoop: SerialExecutor, TaskExecutor {
    enum Wake {
        case ready
        case timedOut
        /// ``interrupt(_:)`` was called, which may have been meant for another waiter, or the interruption was there already.
        case interrupted
        /// The loop ends.
        case stopped
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
        var actions: [@Sendable () -> Void] = []
        var waiters = Waiters()
        var timers: [Int: Timer] = [:]
        var nextTimer = 0
        /// No timer and no waiter is due before; it may be one that is gone.
        var earliestDeadline: ContinuousClock.Instant?
        var isSleeping = false
        var isStopped = false

        /// Whether whoever sleeps now would sleep too long.
        mutating func note(_ deadline: ContinuousClock.Instant?) -> Bool {
            guard let deadline, earliestDeadline.map({ deadline < $0 }) ?? true else { return false }
            earliestDeadline = deadline
            return isSleeping
        }

        /// Takes out what is due.
        mutating func takeDue(_ now: ContinuousClock.Instant) -> (waiters: [Waiter], timers: [Timer]) {
            guard isStopped || earliestDeadline.map({ $0 <= now }) == true else { return ([], []) }
            let due = timers.filter { $0.value.deadline <= now }
            for number in due.keys { timers[number] = nil }
            let late = waiters.remove { [isStopped] in isStopped || $0.deadline.map { $0 <= now } == true }
            earliestDeadline = nil
            for timer in timers.values { earliestDeadline = min(earliestDeadline, timer.deadline) }
            for waiter in waiters.all { earliestDeadline = min(earliestDeadline, waiter.deadline) }
            return (late, due.values.map { $0 })
        }
    }

    /// Who waits for which descriptor, and what `poll` is told of them, in the same order.
    private struct Waiters {
        private(set) var all: [Waiter] = []
        private var places: [Int32: Int] = [:]
        /// The first is the pipe's, which nobody waits for.
        private(set) var descriptors: [pollfd] = []

        var isEmpty: Bool { all.isEmpty }

        mutating func watch(_ descriptor: Int32) {
            descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        }

        func contains(_ descriptor: Int32) -> Bool { places[descriptor] != nil }

        mutating func insert(_ waiter: Waiter, for descriptor: Int32) {
            places[descriptor] = all.count
            all.append(waiter)
            descriptors.append(pollfd(fd: descriptor, events: waiter.events, revents: 0))
        }

        mutating func remove(_ descriptor: Int32) -> Waiter? {
            guard let place = places.removeValue(forKey: descriptor) else { return nil }
            let waiter = all[place]
            // The last one takes its place.
            let last = all.count - 1
            if place != last {
                all[place] = all[last]
                descriptors[place + 1] = descriptors[last + 1]
                places[descriptors[place + 1].fd] = place
            }
            all.removeLast()
            descriptors.removeLast()
            return waiter
        }

        mutating func remove(where isMeant: (Waiter) -> Bool) -> [Waiter] {
            let meant = descriptors.indices.dropFirst().filter { isMeant(all[$0 - 1]) }.map { descriptors[$0].fd }
            return meant.compactMap { remove($0) }
        }
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
        state.withLock { $0.waiters.watch(ends[0]) }
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

    /// Runs an action on the loop's thread, soon. From any thread.
    func execute(_ action: @escaping @Sendable () -> Void) {
        let isSleeping = state.withLock { state in
            state.actions.append(action)
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
            let wake: Wake? = state.withLock { state in
                if state.isStopped { return .stopped }
                if interruption?.isPending == true { return .interrupted }
                precondition(!state.waiters.contains(descriptor), "two waiters for one connection")
                let waiter = Waiter(continuation: continuation, events: events, deadline: deadline)
                state.waiters.insert(waiter, for: descriptor)
                // The loop's own thread is here, so the loop is not asleep.
                _ = state.note(deadline)
                return nil
            }
            if let wake { continuation.resume(returning: wake) }
        }
    }

    /// Wakes whoever waits for a descriptor. From any thread.
    func interrupt(_ descriptor: Int32) {
        let waiter = state.withLock { $0.waiters.remove(descriptor) }
        waiter?.continuation.resume(returning: .interrupted)
    }

    /// Runs an action on the loop's thread at a time. From any thread.
    /// - Returns: what ``cancel(_:)`` takes.
    @discardableResult
    func schedule(at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Int {
        let (number, sleepsTooLong) = state.withLock { state in
            state.nextTimer += 1
            state.timers[state.nextTimer] = Timer(deadline: deadline, action: action)
            return (state.nextTimer, state.note(deadline))
        }
        if sleepsTooLong { wake() }
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
            let (jobs, actions) = state.withLock { state in
                defer { (state.jobs, state.actions) = ([], []) }
                return (state.jobs, state.actions)
            }
            for job in jobs {
                job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            for action in actions { action() }
            guard let (timeout, descriptors) = beginSleep() else { return }
            finishSleep(ready: wait(timeout, descriptors))
        }
    }

    /// Milliseconds to sleep and what to watch, or nil when the loop has ended.
    private func beginSleep() -> (Int32, [pollfd])? {
        state.withLock { state in
            let isIdle = state.jobs.isEmpty && state.actions.isEmpty
            if state.isStopped && isIdle && state.waiters.isEmpty { return nil }
            if !isIdle || state.isStopped { return (0, state.waiters.descriptors) }
            state.isSleeping = true
            guard let deadline = state.earliestDeadline else { return (-1, state.waiters.descriptors) }
            let left = ContinuousClock.now.duration(to: deadline).components
            let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            return (Int32(clamping: Swift.max(0, milliseconds + 1)), state.waiters.descriptors)
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
        let (woken, due) = state.withLock { state in
            state.isSleeping = false
            let woken = ready.compactMap { state.waiters.remove($0) }
            return (woken, state.takeDue(.now))
        }
        for waiter in woken { waiter.continuation.resume(returning: .ready) }
        for waiter in due.waiters { waiter.continuation.resume(returning: .timedOut) }
        for timer in due.timers { timer.action() }
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
