/// What Redis says of its memory, in bytes.
package struct RedisMemory: Sendable, Equatable {
    package var used: Int
    /// Zero where there is no limit.
    package var maximum: Int
    /// What Redis does when the limit is reached: `allkeys-lru`, `noeviction`, …
    package var policy: String

    /// The share of the limit that is used; nil without one.
    package var usage: Double? { maximum > 0 ? Double(used) / Double(maximum) : nil }

    /// - Parameter info: the text of `INFO memory`. Nil where it does not tell what is used.
    package init?(info: String) {
        var fields: [Substring: Substring] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        guard let used = fields["used_memory"].flatMap({ Int($0) }) else { return nil }
        self.used = used
        maximum = fields["maxmemory"].flatMap { Int($0) } ?? 0
        policy = fields["maxmemory_policy"].map { String($0) } ?? ""
    }
}

/// Decides what is said about Redis's memory.
///
/// Invariant: between two warnings lies at least the interval, however often the memory is looked at.
struct RedisMemoryWatch {
    enum Saying: Equatable {
        case nothing
        case warning(usage: Double)
        /// It is below the threshold again.
        case relief(usage: Double)
    }

    /// The share of the limit above which there is a warning.
    let threshold: Double
    let interval: Duration
    private var warnedAt: ContinuousClock.Instant?
    /// A warning has been said that nothing has taken back yet.
    private var isWarned = false
    private(set) var isHigh = false

    init(threshold: Double, interval: Duration) {
        self.threshold = threshold
        self.interval = interval
    }

    mutating func observed(_ memory: RedisMemory, at now: ContinuousClock.Instant) -> Saying {
        guard let usage = memory.usage, usage > threshold else {
            isHigh = false
            defer { isWarned = false }
            return isWarned ? .relief(usage: memory.usage ?? 0) : .nothing
        }
        isHigh = true
        if let warnedAt, now - warnedAt < interval { return .nothing }
        warnedAt = now
        isWarned = true
        return .warning(usage: usage)
    }
}
