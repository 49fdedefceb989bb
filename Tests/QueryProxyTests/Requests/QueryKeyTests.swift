import Testing

@testable import PostgresClient
@testable import QueryCache
@testable import QueryProxy

/// Correctness rows 1 to 8, as far as the key decides them. That the order of tags and of settings does not matter is the
/// front end's doing, which sorts both.
@Suite struct QueryKeyTests {
    private struct Parts {
        var identity = [
            "shop", "app", "public", "UTC", "ISO, MDY", "postgres", "hex", "1", "150004", "on", "english",
        ]
        var system = "42"
        var text = "select name from products where id = $1"
        var namespace = "products"
        var request = QueryRequest("SELECT name FROM products WHERE id = $1") {
            $0.parameters = [.text("42")]
            $0.settings = [QuerySetting(name: "timezone", value: "UTC")]
            $0.tags = ["a", "b"]
        }

        var key: CacheKey {
            QueryKey.key(
                head: QueryKey.Head(for: PostgresIdentity(row: identity, systemIdentifier: system)),
                canonicalText: text,
                request: request,
                namespace: namespace,
                tags: request.tags
            )
        }
    }

    private typealias Change = (inout Parts) -> Void

    private static var identityChanges: [Change] {
        var changes: [Change] = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10].map { index in
            { $0.identity[index] += "x" }
        }
        changes += [
            // Names that run together to the same text.
            { ($0.identity[0], $0.identity[1]) = ("shopa", "pp") },
            { ($0.identity[1], $0.identity[2]) = ("appp", "ublic") },
            { $0.system = "43" },
            { ($0.system, $0.identity[0]) = ("4", "2shop") },
            { $0.text += " " },
            { ($0.text, $0.namespace) = ($0.text + "p", "roducts") },
            { $0.namespace = "default" },
        ]
        return changes
    }

    private static var settingChanges: [Change] {
        [
            { $0.request.settings = [] },
            { $0.request.settings[0].value = "utc" },
            { $0.request.settings[0].name = "datestyle" },
            { $0.request.settings = [QuerySetting(name: "timezoneU", value: "TC")] },
            { $0.request.settings.append(QuerySetting(name: "app.user", value: "1")) },
        ]
    }

    private static var tagChanges: [Change] {
        [[], ["a"], ["ab"], ["a", "b", ""], ["a", "c"]].map { tags in { $0.request.tags = tags } }
    }

    private static var parameterChanges: [Change] {
        let lists: [[QueryParameter]] = [
            [], [.null], [.text("")], [.text("4"), .text("2")], [.text("42"), .null], [.null, .text("42")],
            [.text("n")], [.text("t"), .text("42")], [.array(json: "42")], [.array(json: "[42]")],
            [.object(json: "42")], [.text("042")], [.text("caf\u{E9}")], [.text("cafe\u{301}")],
        ]
        return lists.map { list in { $0.request.parameters = list } }
    }

    @Test func everyPartOfARequestMakesAnotherKey() {
        var keys = [Parts().key]
        for change in Self.identityChanges + Self.settingChanges + Self.tagChanges + Self.parameterChanges {
            var parts = Parts()
            change(&parts)
            keys.append(parts.key)
        }
        for (index, key) in keys.enumerated() {
            let first = keys.firstIndex { $0 == key }
            #expect(first == index, "changes \(index - 1) and \((first ?? 0) - 1) have one key")
        }
    }

    @Test func whatDoesNotChangeTheAnswerDoesNotChangeTheKey() {
        let key = Parts().key
        let changes: [(inout Parts) -> Void] = [
            { $0.request.sql = "select  name from products\nwhere id=$1" },
            { $0.request.ttl = 7 },
            { $0.request.maximumAge = 7 },
            { $0.request.consistency = .strict },
            { $0.request.timeout = 7 },
            // The server's version is none of what an answer depends on.
            { $0.identity[8] = "160001" },
        ]
        for change in changes {
            var parts = Parts()
            change(&parts)
            #expect(parts.key == key)
        }
    }

    @Test func aPartCannotPoseAsTwo() {
        // A text that holds what separates parts elsewhere.
        var one = Parts()
        one.request.parameters = [.text("a\0\0\0\u{1}t"), .text("b")]
        var other = Parts()
        other.request.parameters = [.text("a"), .text("\0\0\0\u{1}tb")]
        #expect(one.key != other.key)
    }

    /// Texts made so that, without the number of the elements before each list, both requests would be the same bytes.
    @Test func anElementOfOneListCannotPoseAsOneOfTheNext() {
        var settings = Parts()
        settings.request.settings = [
            QuerySetting(name: "\u{1}\0\0\0x", value: "x"), QuerySetting(name: "x", value: "x"),
        ]
        settings.request.tags = []
        settings.request.parameters = []
        var tags = settings
        tags.request.settings = []
        tags.request.tags = ["x", "x", "x", "x", ""]
        #expect(settings.key != tags.key)

        tags.request.tags = ["\u{1}\0\0\0n", "n", "n", "n", "t"]
        var parameters = tags
        parameters.request.tags = []
        parameters.request.parameters = [.null, .null, .null, .null, .text("")]
        #expect(tags.key != parameters.key)
    }
}

@Suite struct PlanKeyTests {
    private func planKey(_ settings: [(String, String)]) -> String {
        settings.map { QuerySetting(name: $0, value: $1) }.planKey
    }

    /// PostgreSQL reads `'01/02/2024'::date` when it parses the statement, and keeps what it read.
    @Test func aPreparedStatementIsOneSettingsOwn() {
        let keys = [
            planKey([]), planKey([("datestyle", "ISO, DMY")]), planKey([("timezone", "UTC")]),
            planKey([("search_path", "a")]), planKey([("search_path", "a"), ("timezone", "UTC")]),
            planKey([("datestyle", "ISO"), ("timezone", "UTC")]),
        ]
        #expect(Set(keys).count == keys.count)
    }

    @Test func settingsOfTheCallersOwnShareIt() {
        #expect(
            planKey([("app.user", "1"), ("timezone", "UTC")]) == planKey([("app.user", "2"), ("timezone", "UTC")])
        )
    }
}
