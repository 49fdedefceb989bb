import Testing

@testable import ProxyConfiguration

@Suite struct NamespaceTests {
    @Test func theTableOfTimesToLive() {
        let configuration = ProxyConfiguration()
        let seconds: [String: Int] = [
            "permissions": 300, "roles": 600, "organizations": 3600, "locals": 3600, "products": 300, "variants": 300,
            "stock": 60, "prices": 300, "sessions": 86_400, "refresh_tokens": 604_800,
        ]
        #expect(configuration.namespaces.mapValues(\.ttl) == seconds.mapValues { .seconds($0) })
        #expect(configuration.defaultNamespace == .init(ttl: .seconds(300)))
    }

    @Test func anEmptyFileMeansTheDefaults() throws {
        #expect(try parsed("") == ProxyConfiguration())
        #expect(try ProxyConfiguration.load(file: nil, environment: [:]) == ProxyConfiguration())
    }

    @Test func bothTablesMerge() throws {
        let text = """
            [ttl]
            default = 20
            products = "10m"
            mine = 0

            [namespace.products]
            tables = ["public.products", "public.product_images"]
            memory = false
            stale_while_revalidate = "30s"
            stale_if_error = "1h"
            max_misses_in_flight = 4

            [namespace.other]

            [namespace.third]
            ttl = 1.5
            """
        let configuration = try parsed(text)
        var products = ProxyConfiguration.Namespace(ttl: .seconds(600))
        products.tables = ["public.products", "public.product_images"]
        products.memory = false
        products.staleWhileRevalidate = .seconds(30)
        products.staleIfError = .seconds(3600)
        products.maximumMissesInFlight = 4
        #expect(configuration.namespaces["products"] == products)
        #expect(configuration.namespaces["mine"] == .init(ttl: .zero))
        #expect(configuration.namespaces["other"] == .init(ttl: .seconds(20)))
        #expect(configuration.namespaces["third"] == .init(ttl: .milliseconds(1500)))
        #expect(configuration.namespaces["stock"] == .init(ttl: .seconds(60)))
        #expect(configuration.namespaces["default"] == nil)
        #expect(configuration.defaultNamespace.ttl == .seconds(20))
    }

    @Test func everyNamespaceStartsFromTheDefault() throws {
        let text = """
            [namespace.x]
            stale_if_error = 0
            [namespace.default]
            tables = ["public.misc"]
            stale_if_error = "1h"
            memory = false
            ttl = 7
            """
        let configuration = try parsed(text)
        #expect(configuration.defaultNamespace.tables == ["public.misc"])
        #expect(configuration.namespaces["stock"]?.staleIfError == .seconds(3600))
        #expect(configuration.namespaces["stock"]?.ttl == .seconds(60))
        #expect(configuration.namespaces["stock"]?.tables == [])
        #expect(configuration.namespaces["x"]?.staleIfError == .zero)
        #expect(configuration.namespaces["x"]?.memory == false)
        #expect(configuration.namespaces["x"]?.ttl == .seconds(7))
    }
}
