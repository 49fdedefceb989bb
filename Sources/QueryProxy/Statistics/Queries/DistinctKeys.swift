internal import Foundation
internal import QueryCache
internal import Synchronization

/// An estimate of how many different keys were seen, in 256 bytes (HyperLogLog: Flajolet, Fusy, Gandouet, Meunier, 2007,
/// with linear counting below a few hundred). The standard error is 1.04 / √256, that is 6.5 %.
///
/// A key's bits are those of a digest, so they are taken as they are. Two keys noted at the very same time may lose one
/// of the two, which is within the error.
struct DistinctKeys: ~Copyable, Sendable {
    static let registerCount = 256

    /// Two to the power of minus a rank.
    private static let weights = (0...64).map { exp2(-Double($0)) }

    /// Unsafe for the compiler, since it is a pointer; sound, since the memory is this value's own, lives as long as it, and
    /// holds nothing but atomics.
    nonisolated(unsafe) private let registers: UnsafeMutablePointer<Atomic<UInt8>>

    init() {
        registers = .allocate(capacity: Self.registerCount)
        for index in 0..<Self.registerCount { (registers + index).initialize(to: Atomic(0)) }
    }

    deinit {
        registers.deinitialize(count: Self.registerCount)
        registers.deallocate()
    }

    borrowing func note(_ key: CacheKey) {
        let register = registers + Int(key.w2 & UInt64(Self.registerCount - 1))
        let rank = UInt8(min(64, key.w3.leadingZeroBitCount + 1))
        if register.pointee.load(ordering: .relaxed) < rank { register.pointee.store(rank, ordering: .relaxed) }
    }

    borrowing func reset() {
        for index in 0..<Self.registerCount { registers[index].store(0, ordering: .relaxed) }
    }

    var estimate: Int {
        var sum = 0.0
        var empty = 0
        for index in 0..<Self.registerCount {
            let rank = registers[index].load(ordering: .relaxed)
            if rank == 0 { empty += 1 }
            sum += Self.weights[Int(rank)]
        }
        let count = Double(Self.registerCount)
        let raw = 0.7213 / (1 + 1.079 / count) * count * count / sum
        if raw <= 2.5 * count, empty > 0 { return Int((count * log(count / Double(empty))).rounded()) }
        return Int(raw.rounded())
    }
}
