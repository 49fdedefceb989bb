import CisternClient
import Foundation

private struct Product: Codable, Sendable {
    let id: Int
    let organizationID: Int
    let name: String
    let basePrice: Decimal
}

/// A product with the statement, the namespace and the tags that every reader of it uses: readers share an entry only if
/// they agree in all of these.
private func read(_ id: Int) -> CisternRead {
    CisternRead(
        "SELECT id, organization_id, name, base_price FROM products WHERE id = $1",
        [.int(id)],
        namespace: "products",
        tags: ["product:\(id)"]
    )
}

extension CisternClient {
    /// Cache-aside: the proxy looks in the cache, asks PostgreSQL if it must, and stores what it says.
    fileprivate func product(_ id: Int) async throws(CisternError) -> QueryResult<Product> {
        let read = read(id)
        return try await query(
            read.statement.sql,
            read.statement.parameters,
            as: Product.self,
            options: QueryOptions(namespace: read.namespace, tags: read.tags)
        )
    }

    fileprivate func products(of organization: Int) async throws(CisternError) -> QueryResult<CisternRow> {
        try await query(
            "SELECT id, name FROM products WHERE organization_id = $1 AND is_active ORDER BY id LIMIT 3",
            [.int(organization)],
            options: QueryOptions(namespace: "products", tags: ["products:org:\(organization)"])
        )
    }

    /// Write-through: right after the COMMIT the product is read and stored again.
    fileprivate func setPrice(
        of id: Int,
        to price: Decimal
    ) async throws(CisternError) -> QueryResult<CisternRow> {
        try await query(
            "UPDATE products SET base_price = $2 WHERE id = $1",
            [.int(id), .decimal(price)],
            options: QueryOptions(refreshing: [read(id)])
        )
    }

    /// Every entry that read the table goes; the tags tell other services which keys of theirs are gone too.
    fileprivate func deleteProduct(_ id: Int) async throws(CisternError) -> QueryResult<CisternRow> {
        try await query(
            "DELETE FROM products WHERE id = $1",
            [.int(id)],
            options: QueryOptions(invalidating: ["product:\(id)", "products:org:*"])
        )
    }
}

private func show(_ result: QueryResult<Product>) {
    for product in result.rows { print("  \(product.id): \(product.name), \(product.basePrice)") }
    print("  (\(result.rowCount) from \(result.source))")
}

private func showWrite(_ result: QueryResult<CisternRow>) {
    print("  \(result.command ?? "?") \(result.rowCount): \(result.invalidated?.tables.joined(separator: ", ") ?? "")")
}

/// Products: cache-aside, write-through, deletion with what depends on it.
func catalogue(_ client: CisternClient) async throws {
    print("cache-aside")
    show(try await client.product(44))
    show(try await client.product(44))

    print("write-through")
    showWrite(try await client.setPrice(of: 44, to: Decimal(string: "12345678.90")!))
    show(try await client.product(44))

    print("deletion")
    let listed = try await client.products(of: 8)
    print("  \(listed.rows.map { $0["name"]?.string ?? "?" }.joined(separator: ", ")) (from \(listed.source))")
    showWrite(try await client.deleteProduct(8))
    let left = try await client.products(of: 8)
    print("  \(left.rows.map { $0["name"]?.string ?? "?" }.joined(separator: ", ")) (from \(left.source))")
    print("  product 8: \(try await client.product(8).rowCount) rows")

    print("all or nothing")
    do throws(CisternError) {
        _ = try await client.transaction([
            CisternStatement("UPDATE stock SET quantity = quantity - 1 WHERE variant_id = $1", [130]),
            CisternStatement("UPDATE stock SET quantity = -1 WHERE variant_id = $1", [130]),
        ])
    } catch {
        print("  statement \(error.statement ?? -1) was refused with \(error.sqlState ?? "?"): nothing was changed")
    }
}
