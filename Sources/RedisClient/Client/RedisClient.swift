package import Logging
package import NIOCore
internal import NIOPosix
internal import Synchronization

// One pipelined connection per event loop, so that a request is sent, answered and continued on the loop that read it,
// without a lock or a hop.
//
// A loop whose own connection is away borrows another one: a connection refused by the server's limit, or killed, is no
// reason to do without Redis. Only then is a lock taken on the way of a command.

/// Redis, over connections that `run()` maintains. Commands may be sent at any time; they fail at once while there is no
/// connection.
package final class RedisClient: Sendable {
    struct Shared {
        var availability = RedisAvailability()
        var waiters: [Int: FirstConnectionWaiter] = [:]
        var nextWaiter = 0
        var isAnnouncing = false
        var isStopped = false
    }

    let configuration: RedisConfiguration
    let logger: Logger
    let observer: (any RedisObserver)?
    let slots: [RedisSlot]
    /// The slot of each event loop of the group.
    private let homes: [ObjectIdentifier: RedisSlot]
    let shared = Mutex(Shared())
    let subscriptionQueue = AsyncStream<RedisSubscription>.makeStream()

    private let up = Atomic<Bool>(false)
    private let isBreakerClosed = Atomic<Bool>(true)
    private let turn = Atomic<Int>(0)

    package init(
        configuration: RedisConfiguration,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        observer: (any RedisObserver)? = nil
    ) {
        self.configuration = configuration
        self.logger = logger
        self.observer = observer
        let loops = Array(eventLoopGroup.makeIterator())
        let count = max(1, min(loops.count, configuration.maximumConnections ?? loops.count))
        let slots = loops.prefix(count).enumerated().map { RedisSlot(index: $0.offset, eventLoop: $0.element) }
        self.slots = slots
        var homes: [ObjectIdentifier: RedisSlot] = [:]
        for (index, loop) in loops.enumerated() { homes[ObjectIdentifier(loop)] = slots[index % slots.count] }
        self.homes = homes
    }

    /// Whether a command sent now would be sent. One atomic load.
    package var isAvailable: Bool { up.load(ordering: .relaxed) }

    /// The server that answered last; nil before the first connection.
    package var identity: RedisServerIdentity? { shared.withLock { $0.availability.identity } }

    package var statistics: RedisClientStatistics {
        shared.withLock { shared in
            RedisClientStatistics(
                connections: shared.availability.connections,
                breaker: shared.availability.breaker.state,
                becameUnavailable: shared.availability.outages
            )
        }
    }

    // MARK: Sending

    /// Sends the commands together, in order, without waiting between them. Other senders' commands may go before and after
    /// them, never between.
    ///
    /// - Parameter eventLoop: where the future is completed; the connection of that loop is used if it has one.
    /// - Returns: as many values as commands; what the server refused is a `RESPValue.error` among them. Fails with
    ///   `RedisError` when Redis cannot be used.
    package func send(_ commands: [RedisCommand], on eventLoop: any EventLoop) -> EventLoopFuture<[RESPValue]> {
        let promise = eventLoop.makePromise(of: [RESPValue].self)
        submit(commands, home: home(of: eventLoop), promise)
        return promise.futureResult
    }

    /// As ``send(_:on:)``, for a caller on that event loop, who is told there, and at once where Redis cannot be used.
    package func send(
        _ commands: [RedisCommand],
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Result<[RESPValue], RedisError>) -> Void
    ) {
        let home = home(of: eventLoop)
        if home.eventLoop.inEventLoop, home.isReady, isBreakerClosed.load(ordering: .relaxed) {
            return home.send(commands, waiter: .callback(body))
        }
        sendElsewhere(commands, on: eventLoop, body)
    }

    /// The same for commands that are encoded already.
    package func send(
        _ batch: RedisBatch,
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Result<[RESPValue], RedisError>) -> Void
    ) {
        let home = home(of: eventLoop)
        if home.eventLoop.inEventLoop, home.isReady, isBreakerClosed.load(ordering: .relaxed) {
            return home.send(batch, waiter: .callback(body))
        }
        sendElsewhere(batch.commands, on: eventLoop, body)
    }

    private func sendElsewhere(
        _ commands: [RedisCommand],
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable (Result<[RESPValue], RedisError>) -> Void
    ) {
        send(commands, on: eventLoop).hop(to: eventLoop).whenComplete { result in
            body(result.mapError { $0 as? RedisError ?? RedisError(code: .unavailable, message: "\($0)") })
        }
    }

    /// For those who run on none.
    package var anyEventLoop: any EventLoop { nextSlot().eventLoop }

    private func home(of eventLoop: any EventLoop) -> RedisSlot {
        homes[ObjectIdentifier(eventLoop)] ?? nextSlot()
    }

    /// The slots in turn.
    func nextSlot() -> RedisSlot {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
        return slots[Int(turn.magnitude % UInt(slots.count))]
    }

    private func submit(_ commands: [RedisCommand], home: RedisSlot, _ promise: EventLoopPromise<[RESPValue]>) {
        guard !commands.isEmpty else { return promise.succeed([]) }
        guard isBreakerClosed.load(ordering: .relaxed) || isPermitted(promise) else {
            return promise.fail(RedisError.suspended)
        }
        if home.eventLoop.inEventLoop {
            dispatch(commands, home: home, promise)
        } else {
            home.eventLoop.execute { self.dispatch(commands, home: home, promise) }
        }
    }

    /// Asks the breaker, which is not closed.
    private func isPermitted(_ promise: EventLoopPromise<[RESPValue]>) -> Bool {
        switch shared.withLock({ $0.availability.permit() }) {
        case .pass: return true
        case .refuse: return false
        case .trial:
            promise.futureResult.whenComplete { result in
                let isAnswered = (try? result.get()) != nil
                self.change { $0.trialEnded(answered: isAnswered) }
            }
            return true
        }
    }

    private func dispatch(_ commands: [RedisCommand], home: RedisSlot, _ promise: EventLoopPromise<[RESPValue]>) {
        if home.isReady { return home.send(commands, waiter: .promise(promise)) }
        guard let other = shared.withLock({ $0.availability.alternative(to: home.index) }) else {
            return home.send(commands, waiter: .promise(promise))
        }
        slots[other].eventLoop.execute { self.slots[other].send(commands, waiter: .promise(promise)) }
    }

    // MARK: What the connections report

    func connected(_ slot: RedisSlot, _ identity: RedisServerIdentity) {
        let others = change { $0.connected(slot: slot.index, identity: identity, now: .now()) }
        for index in others { slots[index].leave(unless: identity) }
        resumeWaiters(with: nil)
    }

    func disconnected(_ slot: RedisSlot, _ reason: RedisError) {
        change { $0.disconnected(slot: slot.index, reason: reason, now: .now()) }
        if reason.code == .unsupportedServer { resumeWaiters(with: reason) }
    }

    /// Changes the availability, then announces what it says, outside of the lock.
    @discardableResult
    private func change<Result: Sendable>(_ body: (inout RedisAvailability) -> Result) -> Result {
        let (result, isAnnouncer) = shared.withLock { shared in
            let result = body(&shared.availability)
            up.store(shared.availability.isUp, ordering: .relaxed)
            isBreakerClosed.store(shared.availability.breaker.state == .closed, ordering: .relaxed)
            let isAnnouncer = !shared.isAnnouncing
            shared.isAnnouncing = true
            return (result, isAnnouncer)
        }
        if isAnnouncer { announceAll() }
        return result
    }

    /// One thread announces at a time, and goes on until nothing is left, so that announcements keep their order.
    private func announceAll() {
        while true {
            let next = shared.withLock { shared in
                let next = shared.availability.takeAnnouncement()
                if next == nil { shared.isAnnouncing = false }
                return next
            }
            switch next {
            case nil:
                return
            case .available(let identity):
                logger.notice("Redis is available", metadata: LogKey.server(identity))
                observer?.redisBecameAvailable(identity)
            case .unavailable(let reason):
                logger.warning("Redis is unavailable", metadata: [LogKey.reason: "\(reason)"])
                observer?.redisBecameUnavailable(reason)
            }
        }
    }
}

/// How a client stands at one moment.
package struct RedisClientStatistics: Sendable {
    /// Those that are ready.
    package var connections: Int
    package var breaker: CircuitBreaker.State
    /// How often Redis became unavailable.
    package var becameUnavailable: Int
}

/// The keys of log metadata.
enum LogKey {
    static let reason = "reason"
    static let delay = "delay"

    static func server(_ identity: RedisServerIdentity) -> Logger.Metadata {
        [
            "server": identity.isValkey ? "valkey" : "redis",
            "version": "\(identity.version)",
            "run_id": "\(identity.runID)",
        ]
    }
}
