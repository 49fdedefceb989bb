internal import NIOCore

extension QueryCache {
    /// An answer past its TTL that nothing has invalidated.
    struct StaleCandidate {
        var answer: CacheAnswer
        /// Milliseconds past the TTL.
        var overdue: Int64

        /// The answer, where a policy prefers it to an error.
        func answerIfError(_ policy: CachePolicy) -> CacheAnswer? {
            policy.staleIfError > 0 && overdue <= policy.staleIfError ? answer : nil
        }
    }

    /// What may be served to someone for whom the source is too slow: an answer past its TTL where the policy allows it,
    /// or one that came meanwhile.
    package func staleAnswer(for key: CacheKey, tags: TagList, policy: CachePolicy) async -> CacheAnswer? {
        guard policy.staleIfError > 0 else { return nil }
        let request = lookup(for: key, tags: tags, policy: policy)
        if let answer = staleCandidateInMemory(request)?.answerIfError(policy) { return answer }
        guard let shared, shared.isUsable, let read = try? await shared.read(key, tags) else { return nil }
        return switch judge(read, request) {
        case .fresh(let answer): answer
        case .pastTTL(let candidate): candidate.answerIfError(policy)
        case .useless: nil
        }
    }

    func staleCandidateInMemory(_ request: Lookup) -> StaleCandidate? {
        let policy = request.policy
        guard policy.grace > 0, policy.usesMemory, policy.maximumAge == nil, !policy.strict || shared == nil,
            let result = currentResult(for: request.key)
        else { return nil }
        let now = clock.now
        let age = now - result.askedAt
        let remaining = result.remaining(at: now, policy)
        guard remaining <= 0, isTrusted(age: age, now) else { return nil }
        let answer = CacheAnswer(source: .stale, age: age, remaining: 0, body: result.body, cost: result.cost)
        return StaleCandidate(answer: answer, overdue: -remaining)
    }
}
