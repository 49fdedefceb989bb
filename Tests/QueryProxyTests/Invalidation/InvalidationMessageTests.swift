import JSONText
import NIOCore
import Testing

@testable import QueryCache
@testable import QueryProxy

@Suite struct InvalidationMessageTests {
    @Test func whatOtherServicesKnow() throws {
        let text = "{\"pattern\":\"product:42\",\"reason\":\"price_updated\"}"
        let message = try #require(InvalidationMessage(text))
        #expect(message.invalidation == Invalidation(tags: [.user("product:42")], reason: "price_updated"))
        #expect(message.text == text)
    }

    @Test func aGlobIsAPattern() throws {
        let message = try #require(InvalidationMessage("{\"pattern\":\"products:org:*\"}"))
        #expect(message.invalidation == Invalidation(tags: [], patterns: ["products:org:*"]))
    }

    @Test func whatIsNotKnownIsOverlooked() throws {
        let text =
            "{\"x\":{\"y\":[1]},\"pattern\":\"a\",\"seq\":\"no number\",\"tags\":7,\"tables\":[1,\"t\"],\"all\":1}"
        let message = try #require(InvalidationMessage(text))
        #expect(message.invalidation.tags == [.user("a"), .table("t"), .anyTable])
        #expect(message.sequence == nil)
    }

    @Test(arguments: [
        "", " ", "null", "\"product:42\"", "[\"product:42\"]", "{", "{}", "{\"pattern\":null}", "{\"pattern\":[\"a\"]}",
        "{\"reason\":\"r\",\"origin\":\"o\",\"seq\":1}", "{\"tags\":[]}", "{\"all\":false}", "{\"pattern\":\"a\"} x",
        "{\"pattern\":\"\u{0}\"}", String(repeating: "[", count: 100_000),
        "{\"a\":" + String(repeating: "{\"a\":", count: 10_000),
    ])
    func whatSaysNothingIsNoMessage(text: String) {
        #expect(InvalidationMessage(text) == nil)
    }

    @Test func whatIsNoUTF8IsNoMessage() {
        var payload = InvalidationMessage("{\"pattern\":\"ab\"}")?.bytes ?? .init()
        payload.setInteger(UInt8(0xFF), at: payload.readerIndex + 12)
        #expect(InvalidationMessage(payload) == nil)
    }

    private static let names = [
        "product:42", "products:*", "cistern:all", "cistern:none", "cistern:x", "cistern:*", "a\"\\\n\u{1}é", "e",
        "t:x", "[",
        "cafe\u{301}",
    ]

    /// What a proxy hears of an invalidation is at least that invalidation, whatever is in it, and every message has a
    /// pattern.
    @Test func aProxyHearsAllOfIt() throws {
        var random = SeededNumbers(seed: 11)
        for _ in 0..<2000 {
            var invalidation = Invalidation(tags: [])
            for name in Self.names.shuffled(using: &random).prefix(Int.random(in: 0...4, using: &random)) {
                switch Int.random(in: 0..<7, using: &random) {
                case 0: invalidation.tags.insert(.epoch)
                case 1: invalidation.tags.formUnion([.table(name), .anyTable])
                case 2: invalidation.tags.insert(.namespace(name))
                case 3: invalidation.patterns.append(name + "*")
                case 4: invalidation.keys.append(name)
                default: invalidation.tags.insert(.user(name))
                }
            }
            if Bool.random(using: &random) { invalidation.reason = Self.names.randomElement(using: &random) }
            var heard = Invalidation(tags: [])
            for message in InvalidationMessage.messages(for: invalidation) {
                var message = message
                message.origin = "me"
                message.sequence = 7
                let read = try #require(InvalidationMessage(message.text) ?? (invalidation.isEmpty ? message : nil))
                #expect(read == message)
                #expect(try message.members()["pattern"]?.string != nil)
                heard.add(read.invalidation)
            }
            #expect(heard.tags.isSuperset(of: invalidation.tags), "\(invalidation)")
            #expect(Set(heard.patterns).isSuperset(of: invalidation.patterns), "\(invalidation)")
            // No more than was meant: names that are patterns too, and keys, which may be tags.
            let names = Set(invalidation.keys.map { ProxyTag.user($0) })
            #expect(heard.tags.subtracting(invalidation.tags).isSubset(of: names), "\(invalidation)")
        }
    }

    @Test func theFirstMessageHoldsAllThatProxiesKnow() throws {
        let tags: Set<ProxyTag> = [
            .table("public.b"), .table("public.a"), .anyTable, .namespace("n"), .user("u"), .user("v"),
        ]
        let messages = InvalidationMessage.messages(for: Invalidation(tags: tags, patterns: ["p:*"], reason: "r"))
        #expect(messages.map(\.pattern) == ["p:*", "u", "v"])
        #expect(messages.allSatisfy { $0.reason == "r" })
        #expect(messages[0].invalidation == Invalidation(tags: tags, patterns: ["p:*"], reason: "r"))
        #expect(messages[0].tables == ["public.a", "public.b"])
    }

    @Test(arguments: [
        ([ProxyTag.epoch], "cistern:all"), ([.table("public.a"), .anyTable], "cistern:public.a"),
        ([.namespace("n")], "cistern:n"), ([.anyTable], "cistern:none"),
    ])
    func aPatternThatMeansNothingToOthersStandsInForOurOwnNames(tags: [ProxyTag], pattern: String) {
        let messages = InvalidationMessage.messages(for: Invalidation(tags: Set(tags)))
        #expect(messages.map(\.pattern) == [pattern])
        #expect(messages[0].invalidation.patterns.isEmpty)
        #expect(messages[0].invalidation.tags == Set(tags.filter { tags != [.anyTable] || $0 != .anyTable }))
    }
}

@Suite struct ControlMessageTests {
    @Test(arguments: [
        ControlMessage.heartbeat(origin: "0af3", number: .max, sequence: 0), .filled("a1:b2"), .goodbye(origin: "0af3"),
    ])
    func isReadAsItWasWritten(message: ControlMessage) {
        #expect(ControlMessage(message.bytes) == message)
    }

    @Test(arguments: [
        "", " ", "beat", "beat a", "beat a 1", "beat a b 1", "beat a 1 b", "beat a 1 2 3",
        "beat a 9223372036854775808 1",
        "filled", "filled a b", "bye", "bye a b", "hello", "{}", "\u{0}",
    ])
    func anythingElseIsNothing(text: String) {
        #expect(ControlMessage(.init(string: text)) == nil)
    }
}
