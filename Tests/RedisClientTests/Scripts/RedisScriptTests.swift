import NIOCore
import Testing

@testable import RedisClient

@Suite struct SHA1Tests {
    /// From FIPS 180-4 and RFC 3174.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        ("The quick brown fox jumps over the lazy dog", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "a49b2446a02c645bf419f995b67091253a04a259"
        ),
    ])
    func knownVectors(text: String, digest: String) {
        #expect(SHA1.hexadecimalDigest(of: text.utf8) == digest)
    }

    @Test func aMillionLetters() {
        let digest = SHA1.hexadecimalDigest(of: repeatElement(UInt8(ascii: "a"), count: 1_000_000))
        #expect(digest == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    }

    /// Around the lengths at which the padding takes another block.
    @Test(arguments: [
        (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"), (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
        (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"), (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        (65, "11655326c708d70319be2610e8a57d9a5b959d3b"),
    ])
    func lengthsAroundABlock(length: Int, digest: String) {
        #expect(SHA1.hexadecimalDigest(of: repeatElement(UInt8(ascii: "a"), count: length)) == digest)
    }
}

@Suite struct RedisScriptTests {
    private let script = RedisScript("return 1")

    @Test func itsHashIsTheOneThatRedisGivesIt() {
        #expect(script.hash == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    }

    @Test func itIsCalledByHashOrBySource() {
        let arguments = [ByteBuffer(string: "a"), ByteBuffer(string: "b")]
        #expect(
            script.command(.hash, keys: ["k"], arguments: arguments)
                == RedisCommand("EVALSHA", script.hash, "1", "k", "a", "b")
        )
        #expect(script.command(.source, keys: [], arguments: []) == RedisCommand("EVAL", "return 1", "0"))
    }
}
