internal import Synchronization

/// Random numbers for everybody, without a lock (SplitMix64, which needs nothing but a counter). Not for secrets.
final class SharedRandom: Sendable {
    private let state = Atomic<UInt64>(.random(in: .min ... .max))

    func next() -> UInt64 {
        var number = state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        return number ^ (number >> 31)
    }
}
