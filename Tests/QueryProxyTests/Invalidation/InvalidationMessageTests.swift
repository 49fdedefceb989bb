import JSONText
import NIOCore
import TestSupport
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
        #expect(message.invalidation.tags == ProxyTag.changes(to: ["t"]).union([.user("a")]))
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
                let bucket = UInt16.random(in: 0...2, using: &random)
                switch Int.random(in: 0..<9, using: &random) {
                case 0: invalidation.tags.insert(.epoch)
                case 1: invalidation.tags.formUnion(ProxyTag.changes(to: [name]))
                case 7, 8:
                    invalidation.tags.formUnion(ProxyTag.changes(to: name, rows: [.row(table: name, bucket: bucket)]))
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
            .table("public.b"), .wholeTable("public.b"), .table("public.a"), .wholeTable("public.a"), .anyTable,
            .table("public.c"), .row(table: "public.c", bucket: 65_535), .row(table: "public.c", bucket: 9),
            .namespace("n"), .user("u"), .user("v"),
        ]
        let messages = InvalidationMessage.messages(for: Invalidation(tags: tags, patterns: ["p:*"], reason: "r"))
        #expect(messages.map(\.pattern) == ["p:*", "u", "v"])
        #expect(messages.allSatisfy { $0.reason == "r" })
        var first = messages[0]
        first.origin = "me"
        #expect(first.invalidation == Invalidation(tags: tags, patterns: ["p:*"], reason: "r"))
        #expect(messages[0].tables == ["public.a", "public.b", "public.c"])
        #expect(messages[0].text.contains(#","rows":{"public.c":[9,65535]},"#))
    }

    /// What is not understood of the rows is the whole table; and a service that is no proxy knows no buckets.
    @Test(
        arguments: [
            (#""origin":"o","rows":{"t":[1,2]}"#, [1, 2]), (#""origin":"o""#, nil), (#""rows":{"t":[1,2]}"#, nil),
            (#""origin":"o","rows":{"t":[]}"#, nil), (#""origin":"o","rows":{"t":[1,65536]}"#, nil),
            (#""origin":"o","rows":{"t":[1,"2"]}"#, nil), (#""origin":"o","rows":{"t":1}"#, nil),
            (#""origin":"o","rows":[1]"#, nil), (#""origin":"o","rows":{"u":[1]}"#, nil),
            (#""origin":"o","rows":{"t":[-1]}"#, nil),
        ] as [(String, [UInt16]?)]
    )
    func rowsThatMakeNoSenseAreTheWholeTable(members: String, buckets: [UInt16]?) throws {
        let message = try #require(InvalidationMessage(#"{"tables":["t"],\#(members)}"#))
        let rows = buckets?.map { ProxyTag.row(table: "t", bucket: $0) }
        #expect(
            message.invalidation.tags == rows.map { ProxyTag.changes(to: "t", rows: $0) } ?? ProxyTag.changes(to: ["t"])
        )
    }

    /// Two tables whose names are canonically equivalent are two tables.
    @Test func tablesAreToldApartByTheirBytes() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let tags = ProxyTag.changes(to: composed, rows: [.row(table: composed, bucket: 1)])
            .union(ProxyTag.changes(to: [decomposed]))
        var message = try #require(InvalidationMessage.messages(for: Invalidation(tags: tags)).first)
        message.origin = "o"
        #expect(try #require(InvalidationMessage(message.text)).invalidation.tags == tags)
    }

    @Test(arguments: [
        ([ProxyTag.epoch], "cistern:all"),
        ([.table("public.a"), .wholeTable("public.a"), .anyTable], "cistern:public.a"),
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
