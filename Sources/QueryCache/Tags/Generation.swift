package import NIOCore

/// An opaque unique id of a tag's present state. Compared by equality only: a generation that comes back from an old
/// snapshot is another one than any that was given since.
package struct Generation: Hashable, Sendable {
    package static let length = 16

    private let high: UInt64
    private let low: UInt64

    /// Two sequences without repetition, each from a start of the system's choice. A write needs several, and the system
    /// takes a call for each word.
    private static let sequences = (high: SharedRandom(), low: SharedRandom())

    /// A new one: 128 random bits, though not such as nobody could guess.
    package init() {
        high = Self.sequences.high.next()
        low = Self.sequences.low.next()
    }

    /// One for several generations together: the same for the same ones in the same order.
    package init(combining generations: some Sequence<Generation>) {
        // They are random already: it is enough that each place counts differently.
        var (high, low): (UInt64, UInt64) = (0, 0)
        for generation in generations {
            high = (high << 5 | high >> 59) ^ generation.high
            low = (low << 7 | low >> 57) ^ generation.low
        }
        self.high = high
        self.low = low
    }

    /// Reads one; nil where there are fewer bytes left.
    package init?(from buffer: inout ByteBuffer) {
        guard let (high, low) = buffer.readMultipleIntegers(as: (UInt64, UInt64).self) else { return nil }
        self.high = high
        self.low = low
    }

    func write(to room: UnsafeMutableRawBufferPointer, at offset: Int) {
        room.storeBytes(of: high.bigEndian, toByteOffset: offset, as: UInt64.self)
        room.storeBytes(of: low.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
    }

    /// 32 hexadecimal digits.
    package var text: String {
        let digits = [high, low].map { String($0, radix: 16) }
        return digits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
    }

    package var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(high, low)
        return buffer
    }
}
