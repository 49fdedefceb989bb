internal import NIOCore

/// Under what an answer will be stored; without generations it cannot be.
struct FillGround: Sendable {
    static let none = FillGround(generations: nil)

    var generations: [Generation]?
    var lease: Lease?
}

extension FillPreparation {
    /// Nil where another proxy holds the lease.
    var ground: FillGround? {
        switch lease {
        case .notWanted: FillGround(generations: generations)
        case .held(let lease): FillGround(generations: generations, lease: lease)
        case .taken: nil
        }
    }
}

extension QueryCache {
    /// How far a flight has come.
    enum Stage: Sendable {
        /// The tags' generations were read, or, if they are nil, nothing was.
        case read([Generation?]?)
        /// Another proxy holds the lease under these generations.
        case taken([Generation])
        /// Nothing is left to be asked but PostgreSQL.
        case ready(FillGround)
    }

    /// What a flight does, from a stage to the stored answer.
    func fly(
        _ flight: Flight,
        _ request: Lookup,
        _ stage: Stage,
        from source: some QuerySource
    ) async throws -> FlightResult {
        let preparation: Preparation
        switch stage {
        case .ready(let ground): preparation = .ready(ground)
        case .taken(let generations): preparation = await waitForHolder(request, generations)
        case .read(let read):
            // The flight before this one may have ended between our look into memory and our finding no flight.
            if let result = resultInMemory(request) { return result }
            preparation = await prepare(request, read)
        }
        switch preparation {
        case .answered(let result): return result
        case .ready(let ground):
            flight.generations = ground.generations
            return try await ask(request, ground, from: source)
        }
    }

    func resultInMemory(_ request: Lookup) -> FlightResult? {
        let now = clock.now
        guard let answer = freshInMemory(request.key, request.policy),
            now - answer.age > request.replacedAskedAt ?? .min
        else { return nil }
        return FlightResult(
            origin: .memory,
            body: answer.body,
            askedAt: now - answer.age,
            expiresAt: now + answer.remaining,
            cost: answer.cost
        )
    }

    /// The generations as read for the request; a refresh of what memory holds has read none yet.
    private func generations(
        _ read: [Generation?]?,
        _ request: Lookup,
        _ shared: any SharedStore
    ) async -> [Generation?]? {
        if let read { return read }
        return try? await shared.read(request.key, request.tags).generations
    }

    private enum Preparation {
        case ready(FillGround)
        case answered(FlightResult)
    }

    private func prepare(_ request: Lookup, _ read: [Generation?]?) async -> Preparation {
        guard let shared, shared.isUsable, let read = await generations(read, request, shared),
            let preparation = try? await shared.prepareFill(
                of: request.key,
                request.tags,
                current: read,
                wantsLease: request.policy.maximumAge != 0
            )
        else { return .ready(.none) }
        if let ground = preparation.ground { return .ready(ground) }
        return await waitForHolder(request, preparation.generations)
    }

    /// Another proxy asks PostgreSQL. Whoever holds the lease may die, so the wait is bounded.
    private func waitForHolder(_ request: Lookup, _ generations: [Generation]) async -> Preparation {
        guard let shared else { return .ready(.none) }
        await shared.waitForFill(of: request.key, under: generations)
        guard let second = try? await shared.read(request.key, request.tags) else { return .ready(.none) }
        if let result = sharedResult(second, request) { return .answered(result) }
        let again = try? await shared.prepareFill(
            of: request.key,
            request.tags,
            current: second.generations,
            wantsLease: false
        )
        return .ready(FillGround(generations: again?.generations))
    }

    /// What another proxy has stored meanwhile.
    private func sharedResult(_ read: SharedRead, _ request: Lookup) -> FlightResult? {
        guard case .fresh(let answer) = judge(read, request) else { return nil }
        let now = clock.now
        return FlightResult(
            origin: .otherProxy,
            body: answer.body,
            askedAt: now - answer.age,
            expiresAt: now.addingSaturated(answer.remaining),
            cost: answer.cost
        )
    }

    private func ask(
        _ request: Lookup,
        _ ground: FillGround,
        from source: some QuerySource
    ) async throws -> FlightResult {
        let askedAt = clock.now
        let began = clock.microseconds
        let body: ByteBuffer
        do {
            body = try await source.fetch()
        } catch {
            if let lease = ground.lease { shared?.release(request.key, lease) }
            throw error
        }
        let cost = clock.microseconds - began
        var ground = ground
        ground.generations = await generationsToStore(ground, request)
        return stored(body, request, under: ground, askedAt: askedAt, cost: cost)
    }

    /// Stores what PostgreSQL answered, in memory and, under the generations, in the shared store; gives the lease back.
    func stored(
        _ body: ByteBuffer,
        _ request: Lookup,
        under ground: FillGround,
        askedAt: Int64,
        cost: Int64
    ) -> FlightResult {
        if body.readableBytes > settings.maximumEntryBytes {
            if let lease = ground.lease { shared?.release(request.key, lease) }
            return FlightResult(
                origin: .unstored("result_too_large"),
                body: body,
                askedAt: askedAt,
                expiresAt: askedAt,
                cost: cost
            )
        }
        let age = clock.now - askedAt
        let policy = request.policy
        let ttl = jittered(policy.ttl)
        if let shared, let generations = ground.generations {
            let entry = StoredEntry(
                ageWhenStored: age,
                ttl: max(1, ttl - age),
                grace: policy.grace,
                cost: cost,
                generations: generations,
                body: body
            )
            shared.fill(request.key, entry, lease: ground.lease)
        }
        let expiresAt = askedAt.addingSaturated(ttl)
        if policy.usesMemory {
            remember(
                body,
                askedAt: askedAt,
                expiresAt: expiresAt,
                cost: cost,
                for: request.key,
                request.snapshot
            )
        }
        return FlightResult(origin: .source, body: body, askedAt: askedAt, expiresAt: expiresAt, cost: cost)
    }

    /// Those from before the question. With the guard switched off, those from after it.
    private func generationsToStore(_ ground: FillGround, _ request: Lookup) async -> [Generation]? {
        guard let generations = ground.generations else { return nil }
        if settings.guards.fillsUnderEarlierGenerations { return generations }
        guard let later = try? await shared?.read(request.key, request.tags).generations else { return nil }
        let whole = later.compactMap { $0 }
        return whole.count == later.count ? whole : nil
    }

    private func jittered(_ ttl: Int64) -> Int64 {
        guard settings.jitter > 0 else { return ttl }
        // As random as this has to be, the system need not be asked each time.
        let part = Double(jitter.next() >> 11) / Double(1 << 53)
        return max(1, ttl - Int64(Double(ttl) * settings.jitter * part))
    }
}
