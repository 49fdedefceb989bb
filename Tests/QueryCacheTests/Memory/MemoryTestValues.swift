import QueryCache

/// A value that knows which key it was stored under.
final class LabelledValue: Sendable {
    let label: Int

    init(_ label: Int) {
        self.label = label
    }
}

extension CacheKey {
    /// As spread as a digest would be.
    init(numbered number: Int) {
        var bits = SplitMix64(seed: UInt64(number))
        self.init(bits.next(), bits.next(), UInt64(number), 0)
    }
}

extension MemoryStore {
    /// Room for so many entries of `cost` bytes each, overhead included.
    convenience init(entries: Int, ofCost cost: Int, shards: Int = 1) {
        self.init(byteBudget: entries * cost, shards: shards)
    }

    func insert(_ value: Value, for key: CacheKey, costWithOverhead cost: Int) {
        insert(value, for: key, cost: cost - Self.overheadPerEntry)
    }
}

/// A generator of the same numbers for the same seed (Steele, Lea, Flood 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
