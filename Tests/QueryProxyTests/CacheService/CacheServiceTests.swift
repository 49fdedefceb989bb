import NIOCore
import TestSupport
import Testing

@testable import QueryCache
@testable import QueryProxy

/// The cache service over memory, with a clock that the tests move.
@Suite struct CacheServiceTests {
    private let clock = ManualClock()
    private let fixture: ProxyFixture
    private let store: MemoryValueStore

    init() {
        store = MemoryValueStore(budget: 1 << 20, clock: clock)
        fixture = ProxyFixture(
            ["stock": NamespaceSettings(ttl: 60_000), "never": NamespaceSettings(ttl: 0)],
            values: store
        )
    }

    private func ask(_ request: ValueRequest) async throws -> String {
        String(buffer: try await fixture.proxy.answer(to: request))
    }

    private func set(_ key: String, _ value: String = "1", ttl: Double? = nil) async throws -> String {
        try await ask(.set(key: key, value: ByteBuffer(string: value), ttl: ttl))
    }

    @Test(arguments: [
        "null", "[]", "0", "\"\"", "false", "{\"b\":1,\"a\":2,\"b\":3}", "12345678901234567890.10", "1E+2",
        "[ 1 ,\t2 ]", "\"\\u00e9\\/é\"",
    ])
    func aValueComesBackByteForByte(value: String) async throws {
        #expect(try await set("a:1", value) == "\"ok\":true,\"stored\":true")
        let expected = "\"ok\":true,\"found\":true,\"value\":\(value),\"ttl_ms\":300000"
        #expect(try await ask(.get(key: "a:1")) == expected)
    }

    @Test func theTimeIsThatOfTheRequestOrOfTheNamespace() async throws {
        for (key, ttl, expected) in [
            ("stock:1", nil, "60000"), ("other:1", nil, "300000"), ("stock:1", 1.5, "1500"), ("stock:1", 1e-9, "1"),
        ] as [(String, Double?, String)] {
            _ = try await set(key, ttl: ttl)
            #expect(try await ask(.get(key: key)).hasSuffix("\"ttl_ms\":\(expected)"))
        }
        _ = try await set("stock:1", ttl: 2)
        clock.advance(by: 2000)
        #expect(try await ask(.get(key: "stock:1")) == "\"ok\":true,\"found\":false")
    }

    @Test func whatLivesForNoTimeIsNotStoredAndTakesTheOlderValueAlong() async throws {
        _ = try await set("a:1")
        #expect(try await set("a:1", "2", ttl: 0) == "\"ok\":true,\"stored\":false")
        #expect(try await ask(.exists(key: "a:1")) == "\"ok\":true,\"exists\":false")
        #expect(try await set("never:1") == "\"ok\":true,\"stored\":false")
    }

    @Test func expireSetsTheTimeAnew() async throws {
        #expect(try await ask(.expire(key: "a:1", ttl: 5)) == "\"ok\":true,\"updated\":false")
        _ = try await set("a:1")
        #expect(try await ask(.expire(key: "a:1", ttl: 5)) == "\"ok\":true,\"updated\":true")
        #expect(try await ask(.get(key: "a:1")).hasSuffix("\"ttl_ms\":5000"))
        #expect(try await ask(.expire(key: "a:1", ttl: 0)) == "\"ok\":true,\"updated\":true")
        #expect(try await ask(.exists(key: "a:1")) == "\"ok\":true,\"exists\":false")
    }

    @Test func deletesOneOrSome() async throws {
        for key in ["a:1", "a:2", "b:1"] { _ = try await set(key) }
        #expect(try await ask(.delete(keys: ["a:1", "a:9", "b:1"])) == "\"ok\":true,\"deleted\":2")
        #expect(try await ask(.exists(key: "a:2")) == "\"ok\":true,\"exists\":true")
    }

    @Test func invalidationsReachMemoryToo() async throws {
        for key in ["a:1", "a:2", "b:1", "c:1", "d:1"] { _ = try await set(key) }
        var request = InvalidateRequest()
        request.keys = ["b:1"]
        request.tags = ["c:1"]
        request.pattern = "a:*"
        _ = try await fixture.proxy.invalidate(request)
        request = InvalidateRequest()
        // Not of one namespace, so no key is meant.
        request.pattern = "*"
        request.everything = true
        _ = try await fixture.proxy.invalidate(request)
        var left: [String] = []
        for key in ["a:1", "a:2", "b:1", "c:1", "d:1"] where try await store.contains(key) { left.append(key) }
        #expect(left == ["d:1"])
    }

    @Test(arguments: [
        "product", "", ":", ":1", "product:", "cistern:e:1", "cistern:x", "a:\0",
        "a:" + String(repeating: "x", count: 1023),
    ])
    func keysThatCannotBeAreRefused(key: String) async {
        for request: ValueRequest in [
            .get(key: key), .exists(key: key), .delete(keys: ["a:1", key]), .expire(key: key, ttl: 1),
            .set(key: key, value: ByteBuffer(string: "1"), ttl: nil),
        ] {
            await #expect { _ = try await ask(request) } throws: { ($0 as? ProxyError)?.code == .badRequest }
        }
    }

    @Test func limitsAreNamed() async throws {
        await #expect { _ = try await set("a:1", ttl: 4e9) } throws: { ($0 as? ProxyError)?.code == .badRequest }
        let large = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        await #expect { _ = try await set("a:1", large) } throws: { ($0 as? ProxyError)?.code == .requestTooLarge }
    }

    @Test func anAnswerStaysOnOneLineWhateverIsStored() async throws {
        for text in ["{\n  \"a\": \"x\\n\",\r\n\"b\": [\n1\n]\n}\n", "\n1"] {
            try await store.store(ByteBuffer(string: text), at: "a:1", lifetime: 1000)
            let answer = try await ask(.get(key: "a:1"))
            #expect(!answer.utf8.contains { $0 == 0x0A || $0 == 0x0D })
            let line = text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
            #expect(answer.contains(String(decoding: line, as: UTF8.self)))
        }
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        for text in ["", "NaN", "{", "1 2", "'a'", "\u{FEFF}1", "gANdcQAu", "{\"a\":1}}", "\"\u{0}\"", deep] {
            try await store.store(ByteBuffer(string: text), at: "a:1", lifetime: 1000)
            await #expect { _ = try await ask(.get(key: "a:1")) } throws: { error in
                guard let error = error as? ProxyError else { return false }
                return error.code == .badRequest && error.message.contains("is not JSON")
            }
        }
        try await store.store(ByteBuffer(bytes: [0x22, 0xFF, 0x22]), at: "a:1", lifetime: 1000)
        await #expect(throws: ProxyError.self) { _ = try await ask(.get(key: "a:1")) }
    }

    @Test func lookupsAreCounted() async throws {
        _ = try await set("a:1")
        for key in ["a:1", "a:2", "a:1"] { _ = try await ask(.get(key: key)) }
        _ = try await ask(.delete(keys: ["a:1", "a:2"]))
        let service = fixture.proxy.counters.service
        #expect((service[.hit], service[.miss], service[.degraded]) == (2, 1, 0))
        #expect((service[.stored], service[.deleted]) == (1, 1))
    }
}
