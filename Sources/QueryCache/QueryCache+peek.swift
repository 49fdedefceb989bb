extension QueryCache {
    /// Where an entry is now. Counts as no look-up, and fetches nothing.
    package func whereabouts(of key: CacheKey, tags: TagList, policy: CachePolicy) async -> Whereabouts {
        var whereabouts = Whereabouts()
        var policy = policy
        policy.maximumAge = nil
        policy.strict = false
        if let answer = freshInMemory(key, policy) {
            whereabouts.memory = Whereabouts.Place(age: answer.age, remaining: answer.remaining)
        }
        policy.usesMemory = false
        let request = Lookup(key: key, tags: tags, policy: policy, snapshot: self.tags.snapshot(of: tags))
        if let shared, shared.isUsable, let read = try? await shared.read(key, tags),
            case .fresh(let answer) = judge(read, request)
        {
            whereabouts.redis = Whereabouts.Place(age: answer.age, remaining: answer.remaining)
        }
        return whereabouts
    }
}

/// The places that hold a fresh entry. Times in milliseconds.
package struct Whereabouts: Sendable, Equatable {
    package struct Place: Sendable, Equatable {
        package var age: Int64
        package var remaining: Int64
    }

    package var memory: Place?
    package var redis: Place?

    package init() {}
}
