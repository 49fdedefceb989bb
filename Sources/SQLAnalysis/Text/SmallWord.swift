/// Up to twelve letters without regard to case, packed into one integer, so that words are compared without allocating.
struct SmallWord: Hashable, ExpressibleByStringLiteral {
    private let packed: UInt64

    /// Zero, which no word equals, for anything that is not one to twelve ASCII letters.
    init(_ bytes: some Collection<UInt8>) {
        var packed: UInt64 = 0
        guard bytes.count <= 12 else {
            self.packed = 0
            return
        }
        for byte in bytes {
            let letter = (byte | 0x20) &- UInt8(ascii: "a")
            guard letter < 26 else {
                self.packed = 0
                return
            }
            packed = packed << 5 | UInt64(letter + 1)
        }
        self.packed = packed
    }

    init(stringLiteral word: StaticString) {
        self.init(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }
}
