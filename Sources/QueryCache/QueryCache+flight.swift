internal import NIOCore

extension QueryCache {
    /// What a flight does, from its start to the stored answer.
    func fly(
        _ flight: Flight,
        _ request: Lookup,
        _ read: [Generation?]?,
        from source: some QuerySource
    ) async throws -> FlightResult {
        // The flight before this one may have ended between our look into memory and our finding no flight.
        if let result = resultInMemory(request) { return result }
        var fill = FillGround(generations: nil, lease: nil)
        if let shared, shared.isUsable, let read = await generations(read, request, shared) {
            switch await prepare(flight, request, read, shared) {
            case .answered(let result): return result
            case .ready(let ground): fill = ground
            }
        }
        flight.generations = fill.generations
        return try await ask(request, fill, from: source)
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

    /// Under what an answer will be stored; without generations it cannot be.
    private struct FillGround {
        var generations: [Generation]?
        var lease: Lease?
    }

    private enum Preparation {
        case ready(FillGround)
        case answered(FlightResult)
    }

    private func prepare(
        _ flight: Flight,
        _ request: Lookup,
        _ read: [Generation?],
        _ shared: any SharedStore
    ) async -> Preparation {
        let wantsLease = request.policy.maximumAge != 0
        guard
            let first = try? await shared.prepareFill(
                of: request.key,
                request.tags,
                current: read,
                wantsLease: wantsLease
            )
        else { return .ready(FillGround(generations: nil, lease: nil)) }
        switch first.lease {
        case .notWanted: return .ready(FillGround(generations: first.generations, lease: nil))
        case .held(let lease): return .ready(FillGround(generations: first.generations, lease: lease))
        case .taken: break
        }
        // Another proxy asks PostgreSQL. Whoever holds the lease may die, so the wait is bounded.
        await shared.waitForFill(of: request.key, under: first.generations)
        guard let second = try? await shared.read(request.key, request.tags) else {
            return .ready(FillGround(generations: nil, lease: nil))
        }
        if let result = sharedResult(second, request) { return .answered(result) }
        let again = try? await shared.prepareFill(
            of: request.key,
            request.tags,
            current: second.generations,
            wantsLease: false
        )
        return .ready(FillGround(generations: again?.generations, lease: nil))
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
            if let lease = ground.lease { await shared?.release(request.key, lease) }
            throw error
        }
        let cost = clock.microseconds - began
        if body.readableBytes > settings.maximumEntryBytes {
            if let lease = ground.lease { await shared?.release(request.key, lease) }
        }
        let generations = await generationsToStore(ground, request)
        return stored(body, request, under: generations, lease: ground.lease, askedAt: askedAt, cost: cost)
    }

    /// Stores what PostgreSQL answered, in memory and, under the generations, in the shared store.
    func stored(
        _ body: ByteBuffer,
        _ request: Lookup,
        under generations: [Generation]?,
        lease: Lease?,
        askedAt: Int64,
        cost: Int64
    ) -> FlightResult {
        if body.readableBytes > settings.maximumEntryBytes {
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
        if let shared, let generations {
            let entry = StoredEntry(
                ageWhenStored: age,
                ttl: max(1, ttl - age),
                grace: policy.grace,
                cost: cost,
                generations: generations,
                body: body
            )
            shared.fill(request.key, entry, lease: lease)
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
