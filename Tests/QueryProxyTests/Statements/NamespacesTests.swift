import Testing

@testable import QueryProxy

@Suite struct NamespacesTests {
    private let namespaces = Namespaces(
        named: ["products": NamespaceSettings(ttl: 1), "stock": NamespaceSettings(ttl: 2)],
        tables: ["public.levels": "stock", "shop.products": "stock"],
        fallback: NamespaceSettings(ttl: 300)
    )

    @Test(arguments: [
        (["public.levels"], "levels", "stock"), (["public.products"], "products", "products"),
        (["public.products", "public.levels"], "products", "stock"), (["shop.products"], "products", "stock"),
        (["public.other"], "other", "default"), ([], nil, "default"), ([], "stock", "stock"),
        (["levels"], "levels", "default"),
    ])
    func isFound(tables: [String], firstNamed: String?, name: String) {
        #expect(namespaces.name(forTables: tables, firstNamed: firstNamed) == name)
    }

    @Test func aNameThatNobodyConfiguredHasTheDefaults() {
        #expect(namespaces.settings(of: "stock").ttl == 2)
        #expect(namespaces.settings(of: "Stock").ttl == 300)
        #expect(namespaces.names == ["products", "stock"])
    }
}
