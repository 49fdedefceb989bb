/// The input of one run, whole and cut into pieces at places that the input itself decides, so that a finding is repeated
/// by its bytes alone.
package struct FuzzInput {
    package let bytes: [UInt8]

    package init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        bytes = Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// The whole; single bytes; pieces of one to sixteen bytes by what stands where the last one ended; two halves at a place
    /// that all bytes together name.
    package var cuttings: [[ArraySlice<UInt8>]] {
        let sum = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
        let middle = sum % (bytes.count + 1)
        return [
            [bytes[...]],
            pieces { _ in 1 },
            pieces { 1 + Int($0 & 0xF) },
            [bytes[..<middle], bytes[middle...]],
        ]
    }

    private func pieces(length: (UInt8) -> Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while let next = rest.first {
            pieces.append(rest.prefix(length(next)))
            rest = rest.dropFirst(length(next))
        }
        return pieces
    }
}
