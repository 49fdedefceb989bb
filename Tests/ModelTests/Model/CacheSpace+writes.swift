import QueryCache

@testable import QueryProxy

/// What a write does, and how others learn of it.
extension CacheSpace {
    func advance(_ write: WriteModel, _ state: inout CacheState) {
        var write = write
        let proxy = write.proxy
        switch write.stage {
        case .commit:
            state.version = write.number
            state.writesBegun = write.number
            write.stage = .hear
        case .hear:
            state.heard(proxy)
            write.stage = .tell
        case .tell:
            let isTold = state.redis.isUp && !state.proxies[proxy].isBehind
            if isTold { state.renewGeneration() }
            write.stage = .answer(isTold: isTold)
        case .answer(let isTold):
            // The reply is lost where Redis went away meanwhile.
            let isComplete = isTold && state.redis.isUp
            if isComplete { state.proxies[proxy].publishes = true } else { state.proxies[proxy].requeue(guards) }
            state.heard(proxy)
            state.own[proxy] = write.number
            if isComplete { state.complete = write.number }
            state.write = nil
            return
        }
        state.write = write
    }

    func publish(_ proxy: Int, _ state: inout CacheState) {
        state.proxies[proxy].publishes = false
        state.proxies[proxy].sequence += 1
        guard state.redis.isUp else { return state.proxies[proxy].requeue(guards) }
        let message = ProxyModel.Message(from: state.proxies[proxy].origin, sequence: state.proxies[proxy].sequence)
        for other in state.proxies.indices where other != proxy {
            guard state.proxies[other].isAlive, state.proxies[other].isSubscribed else { continue }
            state.proxies[other].inbox.append(message)
        }
    }

    func deliver(_ proxy: Int, _ state: inout CacheState) {
        let message = state.proxies[proxy].inbox.removeFirst()
        handle(.heard(from: message.from, sequence: message.sequence, everything: false), proxy, &state)
    }

    func catchUp(_ proxy: Int, _ state: inout CacheState) {
        _ = state.proxies[proxy].pending.takeAll()
        state.renewGeneration()
        state.proxies[proxy].publishes = true
    }

    func crash(_ proxy: Int, _ state: inout CacheState) {
        state.mayCrash = false
        let origin = state.proxies[proxy].origin
        if scenario.isAlone { state.missing = origin }
        state.proxies[proxy] = ProxyModel(isAlive: false, origin: origin, machine: machines.fresh(for: origin))
        if state.write?.proxy == proxy { state.write = nil }
        for (number, read) in state.reads.enumerated() where read.proxy == proxy { state.reads[number] = .ended }
    }

    func restart(_ proxy: Int, _ state: inout CacheState) {
        let origin = state.proxies[proxy].origin + state.proxies.count
        state.proxies[proxy] = ProxyModel(origin: origin, machine: machines.fresh(for: origin))
        // What its former life answered as incomplete it owes no more; it holds nothing from before what was complete.
        state.own[proxy] = state.complete
        handle(.subscribed, proxy, &state)
    }

    // MARK: The channel

    /// Gives an event to a proxy's channel machine, and does what it says, as `InvalidationChannel` does.
    ///
    /// - Returns: the heartbeats that it sends; they matter only once time goes on.
    @discardableResult
    func handle(_ event: ChannelMachines.Event, _ proxy: Int, _ state: inout CacheState) -> [Int64] {
        let (machine, actions) = machines.after(event, state.proxies[proxy].machine)
        state.proxies[proxy].machine = machine
        var beats: [Int64] = []
        for action in actions {
            switch action {
            case .distrust: if !guards.dropsMemoryAfterSubscribing { state.heard(proxy) }
            case .dropMemory: if guards.dropsMemoryAfterSubscribing { state.heard(proxy) }
            case .apply: state.heard(proxy)
            case .sendHeartbeat(let number): beats.append(number)
            case .vanished:
                renewEpoch(proxy, &state)
                state.missing = nil
            case .trust, .adopt, .filled: break
            }
        }
        return beats
    }

    /// Every entry is dead: for one key that is what a new generation of its only tag is too.
    private func renewEpoch(_ proxy: Int, _ state: inout CacheState) {
        state.heard(proxy)
        state.renewGeneration()
        state.proxies[proxy].sequence += 1
        let sequence = state.proxies[proxy].sequence
        let origin = state.proxies[proxy].origin
        for other in state.proxies.indices where other != proxy && state.proxies[other].isAlive {
            handle(.heard(from: origin, sequence: sequence, everything: true), other, &state)
        }
    }

    /// Every proxy's heartbeat, heard by all at once; then each meets those whom Redis has entered as running.
    func beat(_ state: inout CacheState, now: Int64) {
        let living = state.proxies.indices.filter { state.proxies[$0].isAlive }
        for proxy in living {
            let (origin, sequence) = (state.proxies[proxy].origin, state.proxies[proxy].sequence)
            for number in handle(.tick(now: now), proxy, &state) {
                for other in living {
                    handle(.heartbeat(from: origin, number: number, sequence: sequence, now: now), other, &state)
                }
            }
            if hasRegister, let missing = state.missing { handle(.met(missing, now: now), proxy, &state) }
        }
    }

    // MARK: What must be so

    /// What a read sees that begins now, if nothing else happens meanwhile.
    private func answer(_ proxy: Int, isStrict: Bool, _ state: CacheState) -> Int {
        if !isStrict, let version = state.proxies[proxy].memory { return version }
        var read = ReadModel(proxy: proxy, isStrict: isStrict, floor: 0)
        if state.redis.isUp, !state.proxies[proxy].isBehind {
            if let entry = state.redis.entry, entry.generation == state.redis.generation { return entry.version }
            read.generation = state.redis.generation
        }
        if let flight = state.proxies[proxy].flight.map({ state.reads[$0] }), canJoin(read, flight, state) {
            return flight.version ?? state.version
        }
        return state.version
    }

    /// No strict read, and no bounded one on the writer's proxy, is older than what was answered before it began.
    func staleAtOnce(_ state: CacheState) -> String? {
        stale(state) { proxy, isStrict in floor(of: proxy, isStrict: isStrict, state) }
    }

    /// In the end every read is as in PostgreSQL.
    func staleAtLast(_ state: CacheState) -> String? {
        var state = state
        for second in 1...9 { beat(&state, now: ChannelMachines.moment + Int64(second) * 1000) }
        return stale(state) { _, _ in state.version }.map { "in the end, " + $0 }
    }

    private func stale(_ state: CacheState, _ floor: (Int, Bool) -> Int) -> String? {
        for proxy in state.proxies.indices where state.proxies[proxy].isAlive {
            for isStrict in [false, true] {
                let (version, wanted) = (answer(proxy, isStrict: isStrict, state), floor(proxy, isStrict))
                if version < wanted {
                    let kind = isStrict ? "strict" : "bounded"
                    return "a \(kind) read on proxy \(proxy) sees version \(version), and must see \(wanted)"
                }
            }
        }
        return nil
    }
}
