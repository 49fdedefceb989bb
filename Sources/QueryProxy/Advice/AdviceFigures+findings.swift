extension AdviceFigures {
    /// All advice, in the order of the kinds, and within a kind the weightiest first.
    package var findings: [Finding] {
        let judged = namespaces.sorted { ($0.answers.total, $1.name) > ($1.answers.total, $0.name) }
        let short = judged.compactMap(\.ttlTooShort)
        // Nothing is said against storing what has not been stored long enough to pay.
        let mayPay = Set(short.map(\.subject))
        let costly = judged.filter { !mayPay.contains($0.name) }.compactMap(\.costsMoreThanItSaves)
        let unprofitable = Set(costly.map(\.subject))
        let written = judged.compactMap { $0.writtenTooOften(isUnprofitable: unprofitable.contains($0.name)) }
        let bypassed = judged.compactMap { $0.bypassed(queries, maximumEntryBytes) }
        return short + written + queries.compactMap(\.variedParameters) + bypassed + costly
            + [redisMemory, evictsSessions].compactMap { $0 } + largeEntries + uncachedQueries
    }
}

extension NamespaceFigures {
    private var hasLowHitRate: Bool {
        answers.lookups >= AdviceThreshold.answers && (answers.hitRate ?? 1) < AdviceThreshold.hitRate
    }

    private var hitRateFigures: [Figure] {
        [Figure("hit_rate", answers.hitRate ?? 0), Figure("lookups", answers.lookups), Figure("misses", answers.miss)]
    }

    private func isNotable(_ count: Int) -> Bool {
        count > 0 && Double(count) >= AdviceThreshold.causeShare * Double(answers.miss)
    }

    /// What a longer time to live would have answered.
    var ttlTooShort: Finding? {
        guard hasLowHitRate, ttl > 0, isNotable(causes.expiredSoon) else { return nil }
        let longer = ttl.multipliedReportingOverflow(by: MissCauses.longerTTL).partialValue
        return Finding(
            kind: .ttlTooShort,
            subject: name,
            message: "The hit rate of \(name) is \((answers.hitRate ?? 0).percent): \(causes.expiredSoon) of "
                + "\(answers.miss) misses found an answer that had expired no longer ago than twice its time to live.",
            figures: hitRateFigures + [Figure("expired_soon", causes.expiredSoon), Figure("expired", causes.expired)],
            change: .ttl(name, from: ttl, to: longer)
        )
    }

    func writtenTooOften(isUnprofitable: Bool) -> Finding? {
        guard hasLowHitRate, ttl > 0, isNotable(causes.invalidated) else { return nil }
        let rate = answers.hitRate ?? 0
        let change: Change =
            isUnprofitable || rate < AdviceThreshold.hopelessHitRate
            ? .ttl(name, from: ttl, to: 0)
            : .application(
                "send the reads that are asked for most along with the write, as \"refresh\", so that they are stored "
                    + "anew right after its COMMIT"
            )
        return Finding(
            kind: .writtenTooOften,
            subject: name,
            message:
                "The hit rate of \(name) is \(rate.percent): \(causes.invalidated) of \(answers.miss) misses found "
                + "an answer that a write had dropped.",
            figures: hitRateFigures + [Figure("invalidated", causes.invalidated)],
            change: change
        )
    }

    /// What is not stored, where most is not.
    func bypassed(_ queries: [QueryFigures], _ maximumEntryBytes: Int) -> Finding? {
        let reads = answers.total - writes
        let left = answers.bypass - writes
        guard reads >= AdviceThreshold.answers, Double(left) >= AdviceThreshold.bypassShare * Double(reads) else {
            return nil
        }
        let candidates = reasons.filter { $0.key != "write" }
        guard let (reason, count) = candidates.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
        let asking = queries.filter { $0.namespace == name && $0.reason == reason }
        let query = asking.max { $0.answers.bypass < $1.answers.bypass }
        var message = "Of \(reads) answers to reads in the namespace \(name), \(left) were not stored, "
        message += "\(count == left ? "all" : String(count)) of them for \(reason)"
        message += query.map { "; most often \($0.statement.shortened) was asked." } ?? "."
        return Finding(
            kind: .bypassed,
            subject: name,
            message: message,
            figures: [Figure("reads", reads), Figure("not_stored", left), Figure("for_this_reason", count)],
            change: change(for: reason, largest: query?.fetching.largest ?? 0, maximumEntryBytes)
        )
    }

    private func change(for reason: String, largest: Int, _ maximumEntryBytes: Int) -> Change {
        switch reason {
        case "ttl_zero":
            ttl > 0
                ? .application("leave out \"ttl\":0 in the request")
                : .ttl(name, from: 0, to: AdviceFigures.usualTTL)
        case "result_too_large":
            Change(
                place: .proxyConfiguration,
                text: "[cache] max_entry_bytes = \(maximumEntryBytes) → \(largest.roomFor(maximumEntryBytes))"
            )
        case "client_request": .application("leave out \"cache\":false in the request")
        case "time_dependent":
            .application("compute the moment in the program, rounded as far as it may be, and send it as a parameter")
        case "volatile_function", "stable_function":
            .application("call the function in the program and send its value as a parameter")
        case "in_transaction": .application("read outside of the transaction what need not be part of it")
        case "locking_clause": .application("read without a locking clause where nothing is changed afterwards")
        case "system_column": .application("leave the system column out")
        case "unsupported_statement": .application("ask with a single SELECT")
        default: .application("ask a table that can be cached, or PostgreSQL itself: the proxy adds nothing here")
        }
    }

    /// What caching takes against what it spares PostgreSQL.
    var costsMoreThanItSaves: Finding? {
        guard answers.lookups >= AdviceThreshold.answers, ttl > 0, let saved = savedMicroseconds,
            Double(overheadMicroseconds) > saved
        else { return nil }
        return Finding(
            kind: .costsMoreThanItSaves,
            subject: name,
            message: "Caching \(name) took \(overheadMicroseconds / 1000) ms and spared PostgreSQL "
                + "\(Int(saved / 1000)) ms: \(answers.hits) hits in \(answers.lookups) look-ups.",
            figures: hitRateFigures + [
                Figure("cost_ms", overheadMicroseconds / 1000), Figure("saved_ms", (saved / 1000).rounded()),
            ],
            change: .ttl(name, from: ttl, to: 0)
        )
    }
}

extension QueryFigures {
    /// Nearly every call has other parameters.
    var variedParameters: Finding? {
        guard answers.lookups >= AdviceThreshold.answers, let rate = answers.hitRate, rate < AdviceThreshold.hitRate,
            Double(distinctKeys) >= AdviceThreshold.distinctShare * Double(answers.lookups),
            Double(causes.unseen) >= AdviceThreshold.causeShare * Double(answers.miss)
        else { return nil }
        return Finding(
            kind: .variedParameters,
            subject: statement.shortened,
            message:
                "The hit rate of \(statement.shortened) is \(rate.percent): \(answers.lookups) look-ups were for about "
                + "\(distinctKeys) different answers, so hardly any is asked for twice.",
            figures: [
                Figure("hit_rate", rate), Figure("lookups", answers.lookups), Figure("distinct", distinctKeys),
            ],
            change: .application(
                "leave out what makes each call different (a time, a request's number), or send \"ttl\":0 so that these "
                    + "answers do not crowd out others"
            )
        )
    }
}

extension AdviceFigures {
    /// Milliseconds.
    static let usualTTL: Int64 = 300_000
}

extension String {
    /// As much of a statement as a sentence bears.
    var shortened: String { count <= 120 ? self : prefix(119) + "…" }
}

extension Int {
    /// The first doubling of a limit that an answer of this size fits into.
    fileprivate func roomFor(_ limit: Int) -> Int {
        var limit = Swift.max(1, limit)
        repeat { limit *= 2 } while limit < self && limit < 256 << 20
        return limit
    }
}
