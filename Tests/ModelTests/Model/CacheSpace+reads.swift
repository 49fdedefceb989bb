import QueryCache

/// What `QueryCache` does for a read, step by step.
extension CacheSpace {
    func begin(_ proxy: Int, isStrict: Bool, _ state: inout CacheState) {
        let floor = floor(of: proxy, isStrict: isStrict, state)
        var read = ReadModel(proxy: proxy, isStrict: isStrict, floor: floor)
        state.readsBegun += 1
        if !isStrict, let version = state.proxies[proxy].memory { return answered(read, version, &state) }
        if isUsable(proxy, state) { read.stage = .judge(state.redis.entry, generation: state.redis.generation) }
        let place = state.reads.firstIndex(of: .ended) ?? state.reads.endIndex
        if place == state.reads.endIndex { state.reads.append(read) } else { state.reads[place] = read }
    }

    /// The newest version that a read that begins now must see at least.
    func floor(of proxy: Int, isStrict: Bool, _ state: CacheState) -> Int {
        isStrict ? max(state.complete, state.own[proxy]) : state.own[proxy]
    }

    private func isUsable(_ proxy: Int, _ state: CacheState) -> Bool {
        state.redis.isUp && !state.proxies[proxy].isBehind
    }

    private func answered(_ read: ReadModel, _ version: Int, _ state: inout CacheState) {
        guard version < read.floor else { return }
        state.stale =
            """
            a \(read.isStrict ? "strict" : "bounded") read on proxy \(read.proxy) saw version \(version), and \(read.floor) \
            had been answered before it began
            """
    }

    func advance(read number: Int, _ state: inout CacheState) {
        var read = state.reads[number]
        switch read.stage {
        case .judge(let entry, let generation):
            read.read = generation
            if let entry, entry.generation == generation {
                state.proxies[read.proxy].remember(entry.version, isCurrent: read.isCurrent, guards)
                return end(number, read, entry.version, &state)
            }
            read.generation = read.isStrict ? generation : nil
            guard read.isStrict, generation == nil else { return board(number, read, &state) }
            read.stage = .complete
        case .complete:
            read.generation = state.redis.isUp ? state.presentGeneration() : nil
            read.stage = .board
        case .board: return board(number, read, &state)
        case .prepare:
            read.generation = isUsable(read.proxy, state) ? read.read ?? state.presentGeneration() : nil
            read.stage = .ask
        case .ask:
            read.version = state.version
            read.stage = guards.fillsUnderEarlierGenerations || read.generation == nil ? .store : .readGenerationAgain
        case .readGenerationAgain:
            read.generation = state.redis.isUp ? state.redis.generation : nil
            read.stage = .store
        case .store:
            guard let version = read.version else { return }
            if let generation = read.generation, state.redis.isUp {
                state.redis.entry = SharedEntry(version: version, generation: generation)
            }
            state.proxies[read.proxy].remember(version, isCurrent: read.isCurrent, guards)
            return end(number, read, version, &state)
        case .wait, .done: return
        }
        state.reads[number] = read
    }

    private func board(_ number: Int, _ read: ReadModel, _ state: inout CacheState) {
        var read = read
        if let flight = state.proxies[read.proxy].flight, canJoin(read, state.reads[flight], state) {
            read.stage = .wait(flight)
            state.reads[number] = read
            return
        }
        if !read.isStrict, let version = state.proxies[read.proxy].memory { return end(number, read, version, &state) }
        state.proxies[read.proxy].flight = number
        read.stage = isUsable(read.proxy, state) ? .prepare : .ask
        if read.stage == .ask { read.generation = nil }
        state.reads[number] = read
    }

    func canJoin(_ read: ReadModel, _ flight: ReadModel, _ state: CacheState) -> Bool {
        if guards.joinsOnlyCurrentFlights, !flight.isCurrent { return false }
        if !read.isStrict { return true }
        return read.generation != nil && flight.generation == read.generation
    }

    /// The read has its answer, and those who wait for its flight have theirs.
    private func end(_ number: Int, _ read: ReadModel, _ version: Int, _ state: inout CacheState) {
        if state.proxies[read.proxy].flight == number { state.proxies[read.proxy].flight = nil }
        state.reads[number] = .ended
        answered(read, version, &state)
        for (other, waiting) in state.reads.enumerated() where waiting.stage == .wait(number) {
            state.reads[other] = .ended
            answered(waiting, version, &state)
        }
    }
}

extension ReadModel {
    var canGoOn: Bool {
        switch stage {
        case .wait, .done: false
        case .judge, .complete, .board, .prepare, .ask, .readGenerationAgain, .store: true
        }
    }
}
