internal import Crypto

/// Hashes the parts of a key (SHA-256), each preceded by its length, so that no two lists of parts run together.
package struct CacheKeyBuilder: Sendable {
    private var bytes: [UInt8] = []

    package init() {
        bytes.reserveCapacity(512)
    }

    package mutating func append(_ part: String) {
        append(count: part.utf8.count)
        bytes.append(contentsOf: part.utf8)
    }

    package mutating func append(count: Int) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).littleEndian) { bytes.append(contentsOf: $0) }
    }

    package consuming func finish() -> CacheKey {
        SHA256.hash(data: bytes).withUnsafeBytes { digest in
            func word(_ index: Int) -> UInt64 { digest.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
            return CacheKey(word(0), word(1), word(2), word(3))
        }
    }
}
