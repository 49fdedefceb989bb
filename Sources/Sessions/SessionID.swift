/// What a client shows to be let in: 256 random bits, in 43 characters that may stand in a URL.
///
/// The first half is the session's name, which stays the same for as long as the session lives. The second half is its
/// secret, which ``SessionStore/rotate`` replaces: so an id that has been replaced is told from one that never was, without
/// a list of the ones that were.
///
/// An id is as good as a password: `description` shows its beginning only.
package struct SessionID: Hashable, Sendable {
    /// Characters in each half: 22 of 6 bits, of which the last holds 2 that count.
    private static let half = 22

    /// 128 random bits, of which the store's keys are made.
    package let name: String
    /// 128 random bits.
    package let secret: String

    /// A new one, from the system's random source.
    package init() {
        self.init(name: Self.randomHalf(), secret: Self.randomHalf())
    }

    /// A successor of the same name.
    package var renewed: SessionID { SessionID(name: name, secret: Self.randomHalf()) }

    private init(name: String, secret: String) {
        self.name = name
        self.secret = secret
    }

    /// Nil where it is not of the form that ids have: then there is no session of that id.
    package init?(_ text: String) {
        let bytes = text.utf8
        guard bytes.count == 2 * Self.half, bytes.allSatisfy({ Self.alphabet.contains($0) }) else { return nil }
        let middle = bytes.index(bytes.startIndex, offsetBy: Self.half)
        self.init(name: String(text[..<middle]), secret: String(text[middle...]))
    }

    /// From a store.
    package init?(name: String, storedSecret secret: String) {
        self.init(name + secret)
    }

    package var text: String { name + secret }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func randomHalf() -> String {
        var random = SystemRandomNumberGenerator()
        var bits: (high: UInt64, low: UInt64) = (random.next(), random.next())
        var digits: [UInt8] = []
        for _ in 0..<half {
            digits.append(alphabet[Int(bits.high >> 58)])
            bits.high = bits.high << 6 | bits.low >> 58
            bits.low <<= 6
        }
        return String(decoding: digits, as: UTF8.self)
    }
}

extension SessionID: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Enough to tell one from another in a log, too little to be let in.
    package var description: String { "\(name.prefix(6))…" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["id": description]) }
}
