extension CacheKey {
    /// 64 digits.
    package var hexadecimal: String {
        String(unsafeUninitializedCapacity: Self.hexadecimalLength) { digits in
            writeHexadecimal(to: UnsafeMutableRawBufferPointer(digits))
            return Self.hexadecimalLength
        }
    }

    package static var hexadecimalLength: Int { 64 }

    /// The same.
    ///
    /// - Parameter room: for ``hexadecimalLength`` bytes.
    package func writeHexadecimal(to room: UnsafeMutableRawBufferPointer) {
        Self.writeDigits(w0, to: room, at: 0)
        Self.writeDigits(w1, to: room, at: 16)
        Self.writeDigits(w2, to: room, at: 32)
        Self.writeDigits(w3, to: room, at: 48)
    }

    @inline(__always)
    private static func writeDigits(_ word: UInt64, to room: UnsafeMutableRawBufferPointer, at offset: Int) {
        writeDigits(UInt32(truncatingIfNeeded: word >> 32), to: room, at: offset)
        writeDigits(UInt32(truncatingIfNeeded: word), to: room, at: offset + 8)
    }

    /// Eight digits at once: each half of a byte gets a byte of its own, to which `0` is added, and 39 more from 10 on.
    @inline(__always)
    private static func writeDigits(_ number: UInt32, to room: UnsafeMutableRawBufferPointer, at offset: Int) {
        var digits = UInt64(number)
        digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        let text = digits &+ 0x3030_3030_3030_3030 &+ letters &* 39
        room.storeBytes(of: text.bigEndian, toByteOffset: offset, as: UInt64.self)
    }
}
