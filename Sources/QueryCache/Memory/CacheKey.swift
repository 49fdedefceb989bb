/// What an entry is found by: the 256 bits of a SHA-256 digest.
///
/// The bits of a digest are as good as random, so nothing hashes them again: each user takes the word it likes.
package struct CacheKey: Hashable, Sendable {
    package let w0: UInt64
    package let w1: UInt64
    package let w2: UInt64
    package let w3: UInt64

    package init(_ w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.w3 = w3
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(w0)
    }
}
