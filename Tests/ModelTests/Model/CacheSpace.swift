import QueryCache

@testable import QueryProxy

typealias Guards = QueryCacheGuards

/// One key with one tag, two proxies, a Redis and PostgreSQL.
struct CacheState: Hashable {
    /// In PostgreSQL.
    var version = 0
    var redis = RedisModel()
    var proxies: [ProxyModel]
    /// Those under way, each in a place of its own.
    var reads: [ReadModel] = []
    var readsBegun = 0
    var write: WriteModel?
    var writesBegun = 0
    /// The newest version that was answered as complete, and the newest that each proxy answered.
    var complete = 0
    var own: [Int]
    /// The origin under which the first proxy ran before it crashed, as long as Redis has it entered as running.
    var missing: Int?
    var mayCrash: Bool
    var mayFlush: Bool
    var mayBeAway: Bool
    /// A read saw an older version than it had to.
    var stale: String?

    /// A proxy hears of an invalidation, or drops everything: what was read before is outdated. Of `TagTable`'s counts nothing
    /// else matters, since one that has moved on never comes back.
    mutating func heard(_ proxy: Int) {
        proxies[proxy].memory = nil
        for (number, read) in reads.enumerated() where read.proxy == proxy && read.stage != .done {
            reads[number].isCurrent = false
        }
    }

    /// A generation that nothing has.
    mutating func renewGeneration() {
        redis.generation = (generations.max() ?? 0) + 1
    }

    /// `SET … NX GET`.
    mutating func presentGeneration() -> Int {
        if redis.generation == nil { renewGeneration() }
        return redis.generation ?? 0
    }

    private var generations: [Int] {
        var generations = [redis.generation, redis.entry?.generation].compactMap { $0 }
        for read in reads {
            if let generation = read.read { generations.append(generation) }
            if let generation = read.generation { generations.append(generation) }
            if case .judge(let entry, let generation) = read.stage {
                if let entry { generations.append(entry.generation) }
                if let generation { generations.append(generation) }
            }
        }
        return generations
    }

    /// The same state with its generations counted anew in the order in which they stand here. They are only compared by
    /// equality, so nothing depends on which they are; and an entry under another one than the present one is as good as
    /// none, since no generation comes back.
    func normalized() -> CacheState {
        var state = self
        if state.redis.entry?.generation != state.redis.generation { state.redis.entry = nil }
        var order: [Int] = []
        for generation in state.generations where !order.contains(generation) { order.append(generation) }
        if order == Array(1..<order.count + 1) { return state }
        func name(_ generation: Int?) -> Int? { generation.flatMap { order.firstIndex(of: $0) }.map { $0 + 1 } }
        func name(_ entry: SharedEntry?) -> SharedEntry? {
            entry.map { SharedEntry(version: $0.version, generation: name($0.generation) ?? 0) }
        }
        state.redis.generation = name(state.redis.generation)
        state.redis.entry = name(state.redis.entry)
        for index in state.reads.indices {
            state.reads[index].read = name(state.reads[index].read)
            state.reads[index].generation = name(state.reads[index].generation)
            if case .judge(let entry, let generation) = state.reads[index].stage {
                state.reads[index].stage = .judge(name(entry), generation: name(generation))
            }
        }
        return state
    }
}

/// What can happen, and in what order. The steps of reads and writes are those of `QueryCache`, `RedisSharedStore` and
/// `InvalidationPublisher`, cut wherever something else can come in between: at every exchange with Redis or PostgreSQL,
/// at both ends of it. The channel's decisions are made by the real `ChannelMachine`, the queue is the real
/// `PendingInvalidations`.
///
/// Time stands still while everything is under way, so that nothing is forgiven for being young; only when nothing more has
/// to happen it goes on, heartbeats flow, and at last everything must be as in PostgreSQL.
///
/// Left out are leases, on which correctness does not rest, and answers past their TTL.
struct CacheSpace: StateSpace {
    enum Step: CustomStringConvertible {
        case begin(proxy: Int, isStrict: Bool)
        case read(Int, ReadModel.Stage)
        case write(WriteModel)
        case publish(proxy: Int)
        case deliver(proxy: Int, ProxyModel.Message)
        case subscribe(proxy: Int)
        case catchUp(proxy: Int)
        case crash(proxy: Int)
        case restart(proxy: Int)
        case flush
        case outage
        case back(isEmpty: Bool)

        var description: String {
            switch self {
            case .begin(let proxy, let isStrict): "a \(isStrict ? "strict" : "bounded") read begins on proxy \(proxy)"
            case .read(let read, let stage): "read \(read): \(stage)"
            case .write(let write): "write \(write.number) on proxy \(write.proxy): \(write.stage)"
            case .publish(let proxy): "proxy \(proxy) publishes"
            case .deliver(let proxy, let message):
                "proxy \(proxy) hears message \(message.sequence) of origin \(message.from)"
            case .subscribe(let proxy): "proxy \(proxy) is subscribed again"
            case .catchUp(let proxy): "proxy \(proxy) tells Redis what it had not been told"
            case .crash(let proxy): "proxy \(proxy) crashes"
            case .restart(let proxy): "proxy \(proxy) is started again"
            case .flush: "FLUSHALL"
            case .outage: "Redis is away"
            case .back(let isEmpty): "Redis is back, \(isEmpty ? "empty" : "with all it had")"
            }
        }
    }

    /// How much happens.
    struct Scenario: Sendable {
        var guards = Guards()
        /// The proxy of each write, in order.
        var writers: [Int]
        /// Reads by anybody, anyhow.
        var reads: Int
        /// The first writer's proxy may crash once.
        var crashes = false
        /// There is no other proxy; and after the crash it is started again.
        var isAlone = false
        /// FLUSHALL, once.
        var flushes = false
        /// Redis may be away once, and come back empty or with all it had.
        var outages = false
    }

    let scenario: Scenario
    /// Redis has entered who runs.
    var hasRegister = true
    let machines = ChannelMachines()

    init(_ scenario: Scenario) {
        self.scenario = scenario
    }

    var guards: Guards { scenario.guards }
    private var writers: [Int] { scenario.writers }

    var beginning: CacheState {
        let proxies = (scenario.isAlone ? [0] : [0, 1]).map { proxy in
            ProxyModel(origin: proxy, machine: machines.fresh(for: proxy))
        }
        var state = CacheState(
            proxies: proxies,
            own: [0, 0],
            mayCrash: scenario.crashes,
            mayFlush: scenario.flushes,
            mayBeAway: scenario.outages
        )
        for proxy in state.proxies.indices { handle(.subscribed, proxy, &state) }
        beat(&state, now: ChannelMachines.moment)
        return state
    }

    func fault(in state: CacheState) -> String? {
        if let stale = state.stale { return stale }
        if let stale = staleAtOnce(state) { return stale }
        return isAtRest(state) ? staleAtLast(state) : nil
    }

    func steps(from state: CacheState) -> [(step: Step, state: CacheState)] {
        var steps: [(step: Step, state: CacheState)] = []
        func add(_ step: Step, _ body: (inout CacheState) -> Void) {
            var next = state
            body(&next)
            steps.append((step, next.normalized()))
        }
        let mayChange =
            state.write != nil || state.writesBegun < writers.count || state.mayCrash
            || state.mayFlush || state.mayBeAway
        for proxy in state.proxies.indices where state.proxies[proxy].isAlive {
            // One that begins when nothing can change any more sees what ``fault(in:)`` sees.
            if mayChange, state.readsBegun < scenario.reads {
                for isStrict in [false, true] {
                    add(.begin(proxy: proxy, isStrict: isStrict)) { begin(proxy, isStrict: isStrict, &$0) }
                }
            }
            if state.proxies[proxy].publishes { add(.publish(proxy: proxy)) { publish(proxy, &$0) } }
            if let message = state.proxies[proxy].inbox.first {
                add(.deliver(proxy: proxy, message)) { deliver(proxy, &$0) }
            }
            if !state.proxies[proxy].isSubscribed, state.redis.isUp {
                add(.subscribe(proxy: proxy)) { state in
                    state.proxies[proxy].isSubscribed = true
                    handle(.subscribed, proxy, &state)
                }
            }
            if state.proxies[proxy].isBehind, state.redis.isUp { add(.catchUp(proxy: proxy)) { catchUp(proxy, &$0) } }
        }
        for (number, read) in state.reads.enumerated() where read.canGoOn {
            add(.read(number, read.stage)) { advance(read: number, &$0) }
        }
        if let write = state.write {
            add(.write(write)) { advance(write, &$0) }
        } else if state.writesBegun < writers.count, state.proxies[writers[state.writesBegun]].isAlive {
            let write = WriteModel(number: state.writesBegun + 1, proxy: writers[state.writesBegun])
            add(.write(write)) { advance(write, &$0) }
        }
        addFaults(state, add)
        return steps
    }

    private func addFaults(_ state: CacheState, _ add: (Step, (inout CacheState) -> Void) -> Void) {
        if state.mayCrash, state.proxies[writers[0]].isAlive {
            add(.crash(proxy: writers[0])) { crash(writers[0], &$0) }
        }
        if scenario.isAlone, !state.proxies[0].isAlive, state.redis.isUp {
            add(.restart(proxy: 0)) { restart(0, &$0) }
        }
        if !state.redis.isUp {
            for isEmpty in [true, false] {
                add(.back(isEmpty: isEmpty)) { state in
                    if isEmpty { state.redis.forget() }
                    state.redis.isUp = true
                }
            }
            return
        }
        if state.mayFlush {
            add(.flush) { state in
                state.mayFlush = false
                state.redis.forget()
            }
        }
        if state.mayBeAway {
            add(.outage) { state in
                state.mayBeAway = false
                state.redis.isUp = false
                for proxy in state.proxies.indices where state.proxies[proxy].isAlive {
                    state.proxies[proxy].isSubscribed = false
                    state.proxies[proxy].inbox = []
                    handle(.lost, proxy, &state)
                }
            }
        }
    }

    /// Nothing more has to happen by itself.
    private func isAtRest(_ state: CacheState) -> Bool {
        state.redis.isUp && state.write == nil && !state.reads.contains(where: \.canGoOn)
            && state.proxies.allSatisfy { proxy in
                (!proxy.isAlive && !scenario.isAlone)
                    || (proxy.isAlive && !proxy.publishes && proxy.inbox.isEmpty && proxy.isSubscribed
                        && !proxy.isBehind)
            }
    }
}
