package import Logging
internal import NIOCore
package import QueryCache
package import RedisClient
internal import Synchronization

/// Hears what other proxies and services invalidate, and keeps the proof that it hears.
///
/// Decisions are ``ChannelMachine``'s; this carries them out.
package final class InvalidationChannel: Sendable {
    private let machine: Mutex<ChannelMachine>
    private let cache: QueryCache
    private let store: RedisSharedStore
    private let publisher: InvalidationPublisher
    private let redis: RedisClient
    private let register: ProxyRegister
    private let channels: [String]
    private let guards: QueryCacheGuards
    private let clock: any CacheClock
    private let logger: Logger
    private let received = Atomic<Int>(0)
    private let onEpoch = Mutex<(@Sendable () -> Void)?>(nil)

    /// - Parameter channel: where other services publish.
    package init(
        channel: String,
        keys: RedisKeys,
        cache: QueryCache,
        store: RedisSharedStore,
        publisher: InvalidationPublisher,
        redis: RedisClient,
        guards: QueryCacheGuards = QueryCacheGuards(),
        clock: any CacheClock = MonotonicCacheClock(),
        logger: Logger
    ) {
        self.machine = Mutex(ChannelMachine(origin: publisher.origin, controlChannel: keys.controlChannel))
        self.cache = cache
        self.store = store
        self.publisher = publisher
        self.redis = redis
        self.register = ProxyRegister(redis: redis, key: keys.proxies, origin: publisher.origin)
        self.channels = [channel, keys.controlChannel]
        self.guards = guards
        self.clock = clock
        self.logger = logger
    }

    /// Hears and beats until the task is cancelled; then says goodbye, unless Redis has not been told of everything: the
    /// others must then take this proxy for vanished.
    package func run() async {
        let events = redis.subscriptions(to: channels)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in events { await self.handle(event) }
            }
            group.addTask {
                while (try? await Task.sleep(for: .milliseconds(ChannelMachine.heartbeatInterval))) != nil {
                    await self.perform(self.change { $0.tick(now: self.clock.now) })
                    await self.meetOthers()
                }
            }
            await group.waitForAll()
        }
        if store.isBehindRedis { return }
        await register.strike(publisher.origin)
        try? await publisher.send(.goodbye(origin: publisher.origin)).get()
    }

    /// Calls this whenever everything is invalidated, or an invalidation may have gone unheard: another proxy may have
    /// changed the schema.
    package func whenEverythingIsInvalidated(_ action: @escaping @Sendable () -> Void) {
        onEpoch.withLock { $0 = action }
    }

    private func handle(_ event: RedisSubscriptionEvent) async {
        let now = clock.now
        let actions = change { machine in
            switch event {
            case .subscribed: machine.subscribed(now: now)
            case .lost: machine.lost()
            case .message(let channel, let payload): machine.received(payload, on: channel, now: now)
            }
        }
        if case .message = event { received.add(1, ordering: .relaxed) }
        await perform(actions)
        if case .subscribed = event { await meetOthers() }
    }

    private func meetOthers() async {
        let running = await register.enter()
        change { $0.met(running, now: clock.now) }
    }

    private func change<Result>(_ body: (inout ChannelMachine) -> sending Result) -> sending Result {
        machine.withLock { machine in
            defer { store.becameAlone(machine.isAlone) }
            return body(&machine)
        }
    }

    private func perform(_ actions: [ChannelMachine.Action]) async {
        for action in actions {
            switch action {
            case .distrust:
                cache.distrustMemory()
                if !guards.dropsMemoryAfterSubscribing { cache.dropMemory() }
            case .dropMemory:
                onEpoch.withLock { $0 }?()
                if guards.dropsMemoryAfterSubscribing { cache.dropMemory() }
            case .trust(let milliseconds): cache.trustMemory(for: milliseconds)
            case .apply(let invalidation):
                if invalidation.tags.contains(.epoch) { onEpoch.withLock { $0 }?() }
                cache.heard(invalidation)
            case .adopt(let invalidation):
                if invalidation.tags.contains(.epoch) { onEpoch.withLock { $0 }?() }
                _ = await cache.invalidate(invalidation)
            case .filled(let key): store.notices.filled(key)
            case .sendHeartbeat(let number):
                // Who has not told Redis of what it wrote is no better than one that fell silent: the others begin anew.
                if store.isBehindRedis { continue }
                let beat = ControlMessage.heartbeat(
                    origin: publisher.origin,
                    number: number,
                    sequence: publisher.sequence
                )
                // One that is lost does not come back, and memory stops being trusted.
                publisher.send(beat).whenFailure { _ in }
            case .vanished(let origin):
                onEpoch.withLock { $0 }?()
                logger.warning("a proxy fell silent; everything is invalidated", metadata: ["origin": "\(origin)"])
                let isTold = await cache.invalidate(Invalidation(tags: [.epoch], reason: "proxy_vanished"))
                // As long as Redis has not been told, its entry stays for those who come should we vanish as well.
                if isTold { await register.strike(origin) }
            }
        }
    }

    package var statistics: InvalidationChannelStatistics {
        machine.withLock { machine in
            InvalidationChannelStatistics(
                received: received.load(ordering: .relaxed),
                ignored: machine.ignored,
                gaps: machine.gaps,
                delay: machine.delay,
                isSubscribed: machine.isSubscribed,
                waitingInvalidations: store.waitingInvalidations
            )
        }
    }
}

package struct InvalidationChannelStatistics: Sendable {
    package var received: Int
    /// Messages that said nothing that could be understood.
    package var ignored: Int
    package var gaps: Int
    /// Milliseconds that the last heartbeat took to come back.
    package var delay: Int64?
    package var isSubscribed: Bool
    /// Names of which Redis has not been told yet.
    package var waitingInvalidations: Int
}
