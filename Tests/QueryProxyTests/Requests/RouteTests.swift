import SQLAnalysis
import Testing

@testable import QueryCache
@testable import QueryProxy

@Suite struct RouteTests {
    private let fixture = ProxyFixture(["products": NamespaceSettings(ttl: 60_000), "off": NamespaceSettings(ttl: 0)])
    private let sql = "SELECT name FROM products WHERE id = $1"

    @Test func aReadIsLookedUp() async throws {
        let request = QueryRequest(sql) {
            $0.tags = ["product:42"]
            $0.parameters = [.text("42")]
        }
        let plan = fixture.plan(tables: ["public.levels", "public.products"], namespace: "products")
        let lookup = try #require(await fixture.route(request, plan).lookup)
        #expect(lookup.namespace == "products" && lookup.policy.namespace == "products")
        #expect(lookup.policy.ttl == 60_000)
        #expect(
            Array(lookup.tags) == [
                .epoch, .namespace("products"), .table("public.levels"), .table("public.products"),
                .user("product:42"),
            ]
        )
    }

    /// What hangs on single rows does not hang on the rest of their table.
    @Test func aReadOfARowHangsOnThatRow() async throws {
        let key = RowKey(column: "id", kind: .integer)
        func tags(
            _ parameter: QueryParameter,
            namespace: String? = nil,
            key: RowKey? = key,
            tables: [String] = ["public.products"]
        ) async throws -> [ProxyTag] {
            let request = QueryRequest(sql) {
                $0.parameters = [parameter]
                $0.namespace = namespace
                $0.tags = namespace == nil ? [] : ["own"]
            }
            return Array(
                try #require(await fixture.route(request, fixture.plan(tables: tables, rowKey: key)).lookup).tags
            )
        }
        let whole: [ProxyTag] = [.epoch, .namespace("default"), .table("public.products")]
        let row = ProxyTag.row(table: "public.products", key: "42")
        #expect(try await tags(.text("42")) == [.epoch, .namespace("default"), .wholeTable("public.products"), row])
        #expect(
            try await tags(.text("+042"), namespace: "x")
                == [.epoch, .namespace("x"), .wholeTable("public.products"), .user("own"), row]
        )
        for parameter in [.null, .text("4.2"), .array(json: "[42]"), .object(json: "{}")] as [QueryParameter] {
            #expect(try await tags(parameter) == whole)
        }
        #expect(try await tags(.text("42"), key: nil) == whole)
        #expect(try await tags(.text("42"), key: RowKey(column: "name", kind: .text)) == whole)
        // It cannot be, but were it so, each would be a table of its own.
        #expect(
            try await tags(.text("42"), tables: ["a", "b"]) == [
                .epoch, .namespace("default"), .table("a"), .table("b"),
            ]
        )
    }

    @Test func rowsAreNotToldApartWhereThatIsSwitchedOff() async throws {
        let fixture = ProxyFixture(tellsRowsApart: false)
        let request = QueryRequest(sql) { $0.parameters = [.text("42")] }
        let plan = fixture.plan(rowKey: RowKey(column: "id", kind: .integer))
        let lookup = try #require(await fixture.route(request, plan).lookup)
        #expect(Array(lookup.tags) == [.epoch, .namespace("default"), .table("public.products")])
    }

    /// Row 20: what a function's body reads is not known, so any write is.
    @Test func whatReadsTheUnknownDependsOnEveryTable() async throws {
        let lookup = try #require(await fixture.route(QueryRequest(sql), fixture.plan(readsUnknown: true)).lookup)
        #expect(lookup.tags.contains(.anyTable))
    }

    @Test(arguments: ["volatile_function:random", "locking_clause", "unsupported_statement:EXPLAIN"])
    func whatCannotBeCachedMayWrite(reason: String) async throws {
        let bypass = try #require(await fixture.route(QueryRequest(sql), fixture.plan(bypass: reason)).bypass)
        #expect(bypass.reason == reason && bypass.mayWrite)
        // Before anything that the caller says.
        let request = QueryRequest(sql) { $0.usesCache = false }
        #expect(await fixture.route(request, fixture.plan(bypass: reason)).bypass?.mayWrite == true)
    }

    @Test func aCallerWithoutUseForTheCache() async throws {
        let bypass = try #require(
            await fixture.route(QueryRequest(sql) { $0.usesCache = false }, fixture.plan()).bypass
        )
        #expect(bypass.reason == "client_request" && !bypass.mayWrite)
    }

    @Test(arguments: [(0, nil), (0.0004, nil), (nil, "off"), (0, "off")] as [(Double?, String?)])
    func noTimeToLive(ttl: Double?, namespace: String?) async {
        let request = QueryRequest(sql) {
            $0.ttl = ttl
            $0.namespace = namespace
        }
        let bypass = await fixture.route(request, fixture.plan()).bypass
        #expect(bypass?.reason == "ttl_zero" && bypass?.mayWrite == false)
    }

    @Test(
        arguments: [
            (7, 7000), (0.001, 1), (1e308, 1_000_000_000_000_000), (.greatestFiniteMagnitude, 1_000_000_000_000_000),
        ] as [(Double, Int64)]
    )
    func theRequestsTimeToLiveGoesOverTheNamespaces(ttl: Double, milliseconds: Int64) async throws {
        let request = QueryRequest(sql) {
            $0.ttl = ttl
            $0.namespace = "off"
        }
        let lookup = try #require(await fixture.route(request, fixture.plan()).lookup)
        #expect(lookup.policy.ttl == milliseconds && lookup.namespace == "off")
    }

    @Test func whatTheCallerAsksFor() async throws {
        let request = QueryRequest(sql) {
            $0.maximumAge = 9_007_199_254_740_992
            $0.consistency = .strict
        }
        let policy = try #require(await fixture.route(request, fixture.plan()).lookup).policy
        #expect(policy.strict && policy.maximumAge == 9_007_199_254_740_992)
    }

    /// Row 10, for parameters.
    @Test(arguments: [
        (QueryParameter.text("now"), true), (.text(" Tomorrow "), true), (.text("2024-05-01"), false), (.null, false),
        (.text("now and then"), false), (.array(json: "[\"2024-05-01\",\"today\"]"), true),
        (.object(json: "{\"until\":\"yesterday\"}"), true), (.array(json: "[\"a\",\"b\"]"), false),
        (.text("nowhere"), false),
    ])
    func aMomentThatMovesIsNotCached(parameter: QueryParameter, moves: Bool) async {
        let request = QueryRequest(sql) { $0.parameters = [.null, parameter] }
        let route = await fixture.route(request, fixture.plan())
        #expect((route.lookup == nil) == moves)
        #expect(route.bypass.map { $0.reason.hasPrefix("time_dependent:") && !$0.mayWrite } ?? !moves)
    }

    @Test func settingsThatAreNotAllowedReachNoCache() async {
        let request = QueryRequest(sql) { $0.settings = [QuerySetting(name: "role", value: "admin")] }
        #expect(await fixture.route(request, fixture.plan()).lookup == nil)
    }

    /// Rows 1, 3 and 6, on the way of a request.
    @Test func theKeyIsTheCanonicalTextsAndTheSettings() async throws {
        let plan = fixture.plan()
        func key(_ sql: String, _ settings: [QuerySetting] = []) async throws -> [UInt64] {
            let request = QueryRequest(sql) { $0.settings = settings }
            let key = try #require(await fixture.route(request, plan).lookup).key
            return [key.w0, key.w1, key.w2, key.w3]
        }
        let plain = try await key("SELECT name FROM products")
        #expect(try await key("select  NAME\nfrom products /* all */;") == plain)
        #expect(try await key("SELECT \"NAME\" FROM products") != plain)
        #expect(try await key("SELECT name FROM products", [.init(name: "search_path", value: "t")]) != plain)
        #expect(try await key("SELECT name FROM products", [.init(name: "timezone", value: "UTC")]) != plain)
    }

    @Test func nothingIsAtHandWithoutPostgreSQL() {
        guard case .other = fixture.proxy.begin(.query(QueryRequest(sql))) else {
            Issue.record("something was at hand")
            return
        }
    }
}

@Suite struct QueryProxySettingsTests {
    private let settings = ProxyFixture().proxy.settings

    @Test(arguments: [
        ("timezone", true), ("search_path", true), ("app.user", true), ("app.a.b", true), ("role", false),
        ("session_authorization", false), ("app.", false), ("app", false), ("apple", false),
        ("application_name", false),
        ("timezone2", false), ("xtimezone", false), ("TimeZone", false), ("", false), ("app.\u{301}", false),
        ("*", false),
    ])
    func isAllowed(name: String, isAllowed: Bool) throws {
        #expect(settings.allows(setting: name) == isAllowed)
        let list = [QuerySetting(name: "timezone", value: "UTC"), QuerySetting(name: name, value: "x")]
        if isAllowed {
            try settings.check(list)
        } else {
            #expect { try settings.check(list) } throws: {
                guard let error = $0 as? ProxyError else { return false }
                return error.code == .forbidden && error.message.contains("\"\(name)\"")
            }
        }
    }

    @Test(arguments: [(nil, 30_000), (5, 5), (59_999, 59_999), (9_007_199_254_740_992, 60_000)] as [(Int?, Int64)])
    func aTimeoutIsBounded(requested: Int?, milliseconds: Int64) {
        #expect(settings.timeout(requested) == milliseconds)
    }
}
