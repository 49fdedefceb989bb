internal import NIOCore

// Most look-ups that neither memory nor the shared store has an answer to are plain: nothing is to be decided for them but who
// asks PostgreSQL. They fly without a task, which would cost as much as all the rest.
extension QueryCache {
    /// Somebody's wait for a flight.
    package struct Wait: Sendable {
        fileprivate let flight: Flight
        fileprivate let waiter: Int
        fileprivate let key: CacheKey
        fileprivate let flights: FlightTable

        /// He does not want the answer any more; when the last one has left, nobody does.
        package func leave() {
            flight.leave(waiter) { flights.remove(flight, of: key) }
        }
    }

    /// The answer to a look-up that memory had none for, where that takes no decisions.
    ///
    /// - Parameters:
    ///   - read: what the shared store said after the look-up had begun; nil where it was not asked.
    ///   - body: told the answer, or what the source failed with. It may be called before this returns.
    /// - Returns: nil where ``answer(to:after:from:)`` is to be asked; nothing has begun then.
    package func answerPlainly(
        to request: Lookup,
        after read: SharedRead?,
        from source: some QuerySource,
        _ body: @escaping @Sendable (Result<CacheAnswer, any Error>) -> Void
    ) -> Wait? {
        let policy = request.policy
        guard policy.isPlain, settings.guards.fillsUnderEarlierGenerations,
            let stage = plainStage(request, read)
        else { return nil }
        var request = request
        if !policy.usesMemory { request.snapshot = tags.snapshot(of: request.tags) }
        guard let cause = plainCause(request, read) else { return nil }
        let boarding = flights.join(
            request.key,
            namespace: policy.namespace,
            limit: policy.missLimit,
            canJoin: { canJoin($0, policy, nil) },
            make: {
                Flight(snapshot: request.snapshot, generations: nil, isInBackground: false, startedAt: clock.now)
            }
        )
        switch boarding {
        case .refused, .new(_, waiter: nil): return nil
        case .joined(let flight, let waiter):
            wait(for: flight, waiter, isJoiner: true, cause, body)
            return Wait(flight: flight, waiter: waiter, key: request.key, flights: flights)
        case .new(let flight, let waiter?):
            wait(for: flight, waiter, isJoiner: false, cause, body)
            flyPlainly(flight, request, stage, from: source)
            return Wait(flight: flight, waiter: waiter, key: request.key, flights: flights)
        }
    }

    /// Nil where the generations have to be read first.
    private func plainStage(_ request: Lookup, _ read: SharedRead?) -> Stage? {
        guard let shared, shared.isUsable else { return .ready(.none) }
        if let read {
            if shared.hasUseForLeases || read.generations.contains(nil) { return .read(read.generations) }
            return .ready(FillGround(generations: read.generations.compactMap { $0 }))
        }
        if shared.hasUseForLeases { return nil }
        return request.snapshot.knownGenerations.map { .ready(FillGround(generations: $0)) }
    }

    /// Why there is no answer; nil where there is one after all.
    private func plainCause(_ request: Lookup, _ read: SharedRead?) -> MissCause? {
        var inStore: MissCause?
        if let read {
            switch judge(read, request) {
            case .fresh: return nil
            case .pastTTL(let answer): inStore = .expired(overdue: answer.overdue)
            case .useless: if read.entry != nil { inStore = .invalidated }
            }
        }
        return missCause(request) ?? inStore ?? .unseen
    }

    private func wait(
        for flight: Flight,
        _ waiter: Int,
        isJoiner: Bool,
        _ cause: MissCause,
        _ body: @escaping @Sendable (Result<CacheAnswer, any Error>) -> Void
    ) {
        flight.whenFinished(for: waiter) { result in
            body(
                result.map { result in
                    var answer = self.answer(from: result, isJoiner: isJoiner)
                    if answer.source == .miss { answer.cause = cause }
                    return answer
                }
            )
        }
    }

    private func flyPlainly(_ flight: Flight, _ request: Lookup, _ stage: Stage, from source: some QuerySource) {
        // The flight before this one may have ended between our look into memory and our finding no flight.
        if let result = resultInMemory(request) { return land(flight, request, result) }
        if case .read(let read?) = stage, let shared {
            shared.prepareFill(of: request.key, request.tags, current: read, wantsLease: true) { result in
                self.proceed(flight, request, try? result.get(), from: source)
            }
        } else if case .ready(let ground) = stage {
            askPlainly(flight, request, ground, from: source)
        } else {
            start(flight, request, stage, from: source)
        }
    }

    /// - Parameter preparation: nil where the shared store has failed: the answer is not stored there then.
    private func proceed(
        _ flight: Flight,
        _ request: Lookup,
        _ preparation: FillPreparation?,
        from source: some QuerySource
    ) {
        guard let preparation else { return askPlainly(flight, request, .none, from: source) }
        learn(preparation.generations, request)
        if let ground = preparation.ground { return askPlainly(flight, request, ground, from: source) }
        start(flight, request, .taken(preparation.generations), from: source)
    }

    private func askPlainly(_ flight: Flight, _ request: Lookup, _ ground: FillGround, from source: some QuerySource) {
        flight.generations = ground.generations
        let began = clock.microseconds
        let askedAt = began / 1000
        let isAsked = source.fetchDirectly { answer in
            switch answer {
            case .body(let body):
                let cost = self.clock.microseconds - began
                let result = self.stored(body, request, under: ground, askedAt: askedAt, cost: cost)
                self.land(flight, request, result)
            case .again: self.start(flight, request, .ready(ground), from: source)
            }
        }
        if !isAsked { start(flight, request, .ready(ground), from: source) }
    }

    private func land(_ flight: Flight, _ request: Lookup, _ result: FlightResult) {
        flights.ended(flight, of: request.key, namespace: request.policy.namespace)
        flight.finish(.success(result))
    }
}

extension CachePolicy {
    /// Whether nothing has to be weighed: an answer is fresh, or it is none.
    package var isPlain: Bool {
        !strict && maximumAge == nil && staleWhileRevalidate == 0 && staleIfError == 0 && !refreshesEarly
    }
}
