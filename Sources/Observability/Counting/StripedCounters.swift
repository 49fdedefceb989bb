internal import Synchronization

/// A row of counters that threads can add to without writing each other's cache lines.
///
/// Each stripe is a row of its own, and a thread adds to the stripe that belongs to it; a reading is the sum over the
/// stripes. To add is one relaxed atomic addition on a line that is in this core's cache as a rule. Readers see each
/// counter at a moment of its own.
///
/// Unchecked, because the cells are in memory of its own behind a pointer. It is sound since a cell is an atomic, and the
/// memory lives as long as the object.
package final class StripedCounters: @unchecked Sendable {
    /// Processors fetch cache lines in pairs, so two lines are what has to lie between things that must not share one.
    private static let isolation = 128

    package let count: Int
    private let stripes: Int
    private let stride: Int
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private let memory: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - count: counters.
    ///   - stripes: rows; rounded up to a power of two.
    package init(count: Int, stripes: Int) {
        precondition(count > 0 && stripes > 0, "there is something to count")
        var rows = 1
        while rows < stripes { rows *= 2 }
        let perLine = Self.isolation / MemoryLayout<Atomic<Int>>.stride
        self.count = count
        self.stripes = rows
        stride = (count + perLine - 1) / perLine * perLine
        memory = .allocate(
            byteCount: rows * stride * MemoryLayout<Atomic<Int>>.stride,
            alignment: Self.isolation
        )
        cells = memory.bindMemory(to: Atomic<Int>.self, capacity: rows * stride)
        for index in 0..<rows * stride { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: stripes * stride)
        memory.deallocate()
    }

    /// - Parameter stripe: any number; the same for the same thread.
    @inline(__always)
    package func add(_ amount: Int, to index: Int, stripe: Int) {
        precondition(index >= 0 && index < count, "the counter exists")
        cells[(stripe & (stripes - 1)) * stride + index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum over the stripes.
    package subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "the counter exists")
        var sum = 0
        for stripe in 0..<stripes { sum &+= cells[stripe * stride + index].load(ordering: .relaxed) }
        return sum
    }
}
