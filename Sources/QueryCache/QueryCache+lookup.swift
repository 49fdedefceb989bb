internal import NIOCore

extension QueryCache {
    /// One request's look-up, and what was known when it began.
    package struct Lookup: Sendable {
        package let key: CacheKey
        let tags: TagList
        let policy: CachePolicy
        var snapshot: TagSnapshot
        /// When PostgreSQL was asked for the answer that a refresh in the background is to replace.
        var replacedAskedAt: Int64?
    }

    /// Begins a look-up: to be called before anything is read for it.
    ///
    /// - Parameter tags: everything that the answer depends on; the same for the same key.
    package func lookup(for key: CacheKey, tags: TagList, policy: CachePolicy) -> Lookup {
        Lookup(key: key, tags: tags, policy: policy, snapshot: self.tags.snapshot(of: tags))
    }

    /// The answer, from wherever it can be had first.
    ///
    /// - Parameter tags: everything that the answer depends on; the same for the same key.
    /// - Throws: what the source throws, ``QueryCacheError``, or `CancellationError`.
    package func answer(
        for key: CacheKey,
        tags: TagList,
        policy: CachePolicy,
        from source: some QuerySource
    ) async throws -> CacheAnswer {
        if let answer = freshInMemory(key, policy) {
            if policy.refreshesEarly, EarlyRefresh.isDue(remaining: answer.remaining, cost: answer.cost) {
                refreshInBackground(lookup(for: key, tags: tags, policy: policy), nil, insteadOf: answer, from: source)
            }
            return answer
        }
        let request = lookup(for: key, tags: tags, policy: policy)
        var read: SharedRead?
        if let shared, shared.isUsable { read = try? await shared.read(key, tags) }
        return try await answer(to: request, after: read, from: source)
    }

    // MARK: The shared store, without a task

    /// What asks the shared store for an entry; nil where it cannot be asked. Serves for the same key again.
    package func sharedQuestion(for key: CacheKey, tags: TagList) -> (any SharedQuestion)? {
        guard let shared, shared.isUsable else { return nil }
        return shared.question(key, tags)
    }

    /// Begins a look-up in the shared store alone. What is read for it goes into memory only if it was begun for that.
    package func sharedLookup(for key: CacheKey, tags: TagList, policy: CachePolicy) -> Lookup {
        // Where nothing goes into memory, what is known of the tags counts from the flight on, if there is one.
        let snapshot = policy.usesMemory ? self.tags.snapshot(of: tags) : TagSnapshot.empty
        return Lookup(key: key, tags: tags, policy: policy, snapshot: snapshot)
    }

    /// Whether an answer to a plain look-up can be stored without asking the shared store anything first: nobody else fetches it,
    /// and all generations are known.
    package func canStoreUnasked(_ request: Lookup) -> Bool {
        guard let shared, !shared.hasUseForLeases else { return false }
        return request.snapshot.knowsAllGenerations
    }

    package var isSharedStoreUsable: Bool { shared?.isUsable ?? false }

    /// The answer, if what the shared store holds is one that need not be refreshed.
    package func sharedAnswer(to request: Lookup, _ read: SharedRead) -> CacheAnswer? {
        guard case .fresh(let answer) = judge(read, request) else { return nil }
        // The other way throws dice for it.
        let mayBeDue = EarlyRefresh.isPossible(remaining: answer.remaining, cost: answer.cost)
        return request.policy.refreshesEarly && mayBeDue ? nil : answer
    }

    /// The answer to a look-up that memory had none for.
    ///
    /// - Parameter read: what the shared store said after the look-up had begun; nil where it said nothing.
    /// - Throws: what the source throws, ``QueryCacheError``, or `CancellationError`.
    package func answer(
        to request: Lookup,
        after read: SharedRead?,
        from source: some QuerySource
    ) async throws -> CacheAnswer {
        let policy = request.policy
        var request = request
        if !policy.usesMemory { request.snapshot = tags.snapshot(of: request.tags) }
        var candidate = staleCandidateInMemory(request)
        var causeInStore: MissCause?
        let generations = read?.generations
        if let read {
            switch judge(read, request) {
            case .fresh(let answer):
                if policy.refreshesEarly, EarlyRefresh.isDue(remaining: answer.remaining, cost: answer.cost) {
                    refreshInBackground(request, generations, insteadOf: answer, from: source)
                }
                return answer
            case .pastTTL(let answer):
                candidate = answer
                causeInStore = .expired(overdue: answer.overdue)
            case .useless:
                // It is there, and within its time: its generations are not the present ones.
                if read.entry != nil { causeInStore = .invalidated }
            }
        }
        if let candidate, policy.staleWhileRevalidate > 0, candidate.overdue <= policy.staleWhileRevalidate {
            refreshInBackground(request, generations, insteadOf: candidate.answer, from: source)
            return candidate.answer
        }
        // Before the flight stores what it brings.
        let cause = missCause(request) ?? causeInStore ?? .unseen
        do {
            var answer = try await flownAnswer(request, generations, from: source)
            if answer.source == .miss { answer.cause = cause }
            return answer
        } catch {
            guard error.isOutage, let answer = candidate?.answerIfError(policy) else { throw error }
            return answer
        }
    }

    enum Judgement {
        case fresh(CacheAnswer)
        case pastTTL(StaleCandidate)
        case useless
    }

    /// What memory tells of why it has no answer; nil where it tells nothing. It is no request for the entry: that has been
    /// counted.
    func missCause(_ request: Lookup) -> MissCause? {
        if request.policy.maximumAge != nil { return .tooOld }
        guard let result = memory.peek(request.key) else { return nil }
        if !result.snapshot.isCurrent { return .invalidated }
        let remaining = result.remaining(at: clock.now, request.policy)
        // Within its time it was passed over because the channel is silent, or the request is strict.
        return remaining > 0 ? nil : .expired(overdue: -remaining)
    }

    /// Whether what the shared store holds may be served: its generations are the present ones, and it is young enough.
    func judge(_ read: SharedRead, _ request: Lookup) -> Judgement {
        let policy = request.policy
        // Without memory the snapshot was taken after the read.
        if policy.usesMemory { learn(read.generations, request) }
        guard policy.maximumAge != 0, let bytes = read.entry, let entry = StoredEntry(bytes),
            entry.generations.elementsEqual(read.generations, by: { $0 == $1 })
        else { return .useless }
        // An entry that came between the two questions has just been stored.
        let kept = min(read.remaining ?? entry.lifetime, entry.lifetime)
        let age = entry.ageWhenStored.addingSaturated(entry.lifetime - kept)
        let remaining = min(kept - entry.grace, policy.ttl - age)
        guard age <= policy.maximumAge ?? .max else { return .useless }
        guard remaining > 0 else {
            guard policy.maximumAge == nil else { return .useless }
            let answer = CacheAnswer(source: .stale, age: age, remaining: 0, body: entry.body, cost: entry.cost)
            return .pastTTL(StaleCandidate(answer: answer, overdue: -remaining))
        }
        if policy.usesMemory {
            let now = clock.now
            // The reply's buffer holds more than the body: memory keeps its own copy.
            let body = ByteBuffer(bytes: entry.body.readableBytesView)
            let expiresAt = now.addingSaturated(kept - entry.grace)
            remember(
                body,
                askedAt: now - age,
                expiresAt: expiresAt,
                cost: entry.cost,
                for: request.key,
                request.snapshot
            )
        }
        return .fresh(
            CacheAnswer(source: .redis, age: age, remaining: remaining, body: entry.body, cost: entry.cost)
        )
    }

    /// Takes note of what was read or made after the look-up's snapshot had been taken.
    func learn(_ generations: [Generation?], _ request: Lookup) {
        if case .epoch? = request.tags.first { request.snapshot.learn(generations) }
    }

    // MARK: Flights

    private func flownAnswer(
        _ request: Lookup,
        _ generations: [Generation?]?,
        from source: some QuerySource
    ) async throws -> CacheAnswer {
        let policy = request.policy
        let known = try await knownGenerations(request, generations)
        let boarding = flights.join(
            request.key,
            namespace: policy.namespace,
            limit: policy.missLimit,
            canJoin: { canJoin($0, policy, known) },
            make: {
                Flight(
                    snapshot: request.snapshot,
                    generations: known,
                    isInBackground: false,
                    startedAt: clock.now
                )
            }
        )
        let flight: Flight
        let waiter: Int?
        let isJoiner: Bool
        switch boarding {
        case .refused: throw QueryCacheError.tooManyMisses(namespace: policy.namespace, limit: policy.missLimit)
        case .joined(let joined, let number): (flight, waiter, isJoiner) = (joined, number, true)
        case .new(let new, let number):
            (flight, waiter, isJoiner) = (new, number, false)
            start(new, request, .read(generations), from: source)
        }
        guard let waiter else { throw CancellationError() }
        let result = try await flight.result(for: waiter) { [flights] in flights.remove(flight, of: request.key) }
        let answer = answer(from: result, isJoiner: isJoiner)
        if case .source = result.origin { return answer }
        guard isJoiner, let maximum = policy.maximumAge, answer.age > maximum else { return answer }
        // The flight found an answer, young enough for whoever began it.
        var own = policy
        own.maximumAge = 0
        let again = Lookup(key: request.key, tags: request.tags, policy: own, snapshot: request.snapshot)
        return try await flownAnswer(again, generations, from: source)
    }

    /// For a strict read the tags' generations as they are now, none of them missing: it joins only a flight that stores
    /// under the same ones.
    private func knownGenerations(_ request: Lookup, _ read: [Generation?]?) async throws -> [Generation]? {
        guard request.policy.strict, let shared, let read else { return nil }
        let whole = read.compactMap { $0 }
        if whole.count == read.count { return whole }
        return try? await shared.prepareFill(of: request.key, request.tags, current: read, wantsLease: false)
            .generations
    }

    func canJoin(_ flight: Flight, _ policy: CachePolicy, _ known: [Generation]?) -> Bool {
        if policy.maximumAge == 0 { return false }
        if let maximum = policy.maximumAge, clock.now - flight.startedAt > maximum { return false }
        if settings.guards.joinsOnlyCurrentFlights, !flight.snapshot.isCurrent { return false }
        if policy.strict && shared != nil {
            guard let known else { return false }
            return flight.generations == known
        }
        // What memory would not serve for its age, a flight that began as long ago is not waited for either.
        let now = clock.now
        return isTrusted(age: now - flight.startedAt, now)
    }

    private func refreshInBackground(
        _ request: Lookup,
        _ generations: [Generation?]?,
        insteadOf answer: CacheAnswer,
        from source: some QuerySource
    ) {
        var request = request
        request.replacedAskedAt = clock.now - answer.age
        let boarding = flights.join(
            request.key,
            namespace: request.policy.namespace,
            limit: request.policy.missLimit,
            canJoin: { $0.snapshot.isCurrent },
            make: {
                Flight(snapshot: request.snapshot, generations: nil, isInBackground: true, startedAt: clock.now)
            }
        )
        switch boarding {
        case .new(let flight, _): start(flight, request, .read(generations), from: source)
        case .joined(let flight, let waiter): flight.abandon(waiter)
        case .refused: break
        }
    }

    /// A flight belongs to all who wait for it, so it has a task of its own, which ends with its source or when the last
    /// waiter has left.
    func start(
        _ flight: Flight,
        _ request: Lookup,
        _ stage: Stage,
        from source: some QuerySource
    ) {
        let task = Task(executorPreference: source.executor) { [self] in
            let result: Result<FlightResult, any Error>
            do {
                result = .success(try await fly(flight, request, stage, from: source))
            } catch {
                result = .failure(error)
            }
            flights.ended(flight, of: request.key, namespace: request.policy.namespace)
            flight.finish(result)
        }
        flight.start(task)
    }

    func answer(from result: FlightResult, isJoiner: Bool) -> CacheAnswer {
        let now = clock.now
        let source: CacheAnswer.Source =
            switch result.origin {
            case .source: isJoiner ? .shared : .miss
            case .unstored(let reason): .bypass(reason)
            case .otherProxy: .shared
            case .memory: .memory
            }
        return CacheAnswer(
            source: source,
            age: max(0, now - result.askedAt),
            remaining: max(0, result.expiresAt - now),
            body: result.body,
            cost: result.cost
        )
    }
}

extension Error {
    fileprivate var isOutage: Bool { (self as? any SourceOutage)?.isOutage ?? (self is QueryCacheError) }
}
