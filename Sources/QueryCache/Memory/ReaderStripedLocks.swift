internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// States, each behind a lock that lets readers on different threads pass without writing the same cache line.
///
/// A state has several *stripes*, each a mutex on cache lines of its own. A reader takes one stripe, the one that its thread
/// always takes; a writer takes all of them, in order, and so has the state to itself. Reading therefore costs one mutex
/// that is free as a rule and is in this core's cache, and writing costs as many mutexes as there are stripes: right where
/// nearly everything is a read.
///
/// `pthread_mutex_t` rather than `Mutex`: several are held at once, which `Mutex` offers only by nesting closures; it takes
/// less time; and the thread sanitizer knows it, while it reports data races under a contended `Mutex`, whose slow path
/// is in a library that the sanitizer does not see.
///
/// Unchecked, because the states are in memory of its own behind a pointer. It is sound since nothing but the two `with`
/// functions reaches a state: while a body has it for writing all stripes are held, so no other body runs; bodies that
/// have it for reading at the same time can change nothing in it but its atomics.
struct ReaderStripedLocks<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    /// Processors fetch cache lines in pairs, so two lines are what has to lie between things that must not share one.
    private static var isolation: Int { 128 }

    private let count: Int
    private let stripes: Int
    private let locks: UnsafeMutableRawPointer
    private let states: UnsafeMutableRawPointer
    private let stateStride: Int
    private let threadNumbers: ThreadNumber.Key

    /// - Parameter stripes: a power of two, best not below the number of threads that read.
    init(count: Int, stripes: Int, _ makeState: (Int) -> sending State) {
        precondition(count > 0 && stripes > 0 && stripes.nonzeroBitCount == 1)
        let isolation = Self.isolation
        self.count = count
        self.stripes = stripes
        stateStride = (MemoryLayout<State>.size + isolation - 1) / isolation * isolation
        locks = .allocate(byteCount: count * stripes * isolation, alignment: isolation)
        states = .allocate(byteCount: count * stateStride, alignment: isolation)
        threadNumbers = ThreadNumber.key
        for index in 0..<count * stripes {
            let lock = (locks + index * isolation).bindMemory(to: pthread_mutex_t.self, capacity: 1)
            let failure = pthread_mutex_init(lock, nil)
            precondition(failure == 0, "a mutex without attributes can always be made")
        }
        for index in 0..<count {
            let state = (states + index * stateStride).bindMemory(to: State.self, capacity: 1)
            state.initialize(to: makeState(index))
        }
    }

    deinit {
        for index in 0..<count { state(index).deinitialize(count: 1) }
        for index in 0..<count * stripes {
            let lock = locks + index * Self.isolation
            pthread_mutex_destroy(lock.assumingMemoryBound(to: pthread_mutex_t.self))
        }
        states.deallocate()
        locks.deallocate()
    }

    /// Other readers of the same state may run at the same time. The body must not use these locks again.
    @inline(__always)
    borrowing func withReadLock<Result>(_ index: Int, _ body: (borrowing State) -> Result) -> Result {
        let lock = lock(index, ThreadNumber.current(threadNumbers) & (stripes - 1))
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body(state(index).pointee)
    }

    /// Nobody else has the state meanwhile. The body must not use these locks again.
    borrowing func withWriteLock<Result: ~Copyable>(_ index: Int, _ body: (inout State) -> Result) -> Result {
        for stripe in 0..<stripes { pthread_mutex_lock(lock(index, stripe)) }
        defer {
            for stripe in 0..<stripes { pthread_mutex_unlock(lock(index, stripe)) }
        }
        return body(&state(index).pointee)
    }

    @inline(__always)
    private borrowing func lock(_ index: Int, _ stripe: Int) -> UnsafeMutablePointer<pthread_mutex_t> {
        (locks + (index * stripes + stripe) * Self.isolation).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    @inline(__always)
    private borrowing func state(_ index: Int) -> UnsafeMutablePointer<State> {
        (states + index * stateStride).assumingMemoryBound(to: State.self)
    }
}

package enum ReaderStripes {
    /// Twice the processors, so that two busy threads rarely share a stripe although others came between them when numbers
    /// were given out; at most 32, because a writer takes them all.
    package static let count: Int = {
        let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var count = 4
        while count < min(32, 2 * processors) { count *= 2 }
        return count
    }()
}

/// Numbers the threads that ask in the order they first ask. Consecutive numbers, unlike addresses of threads, give the
/// threads of an event loop group different stripes.
package enum ThreadNumber {
    typealias Key = pthread_key_t

    private static let last = Atomic<Int>(0)

    static let key: Key = {
        var key = Key()
        let failure = pthread_key_create(&key, nil)
        precondition(failure == 0, "the process has used up its thread-local keys")
        return key
    }()

    /// The number of the thread that asks.
    package static var current: Int { current(key) }

    @inline(__always)
    static func current(_ key: Key) -> Int {
        let number = Int(bitPattern: pthread_getspecific(key))
        return number == 0 ? assign(key) : number
    }

    @inline(never)
    private static func assign(_ key: Key) -> Int {
        let number = last.add(1, ordering: .relaxed).newValue
        // Where the thread cannot keep it, it gets another next time and pays with a slower lock.
        _ = pthread_setspecific(key, UnsafeRawPointer(bitPattern: number))
        return number
    }
}
