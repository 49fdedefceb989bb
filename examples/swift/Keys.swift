import CisternClient
import Foundation

private struct Page: Codable, Sendable {
    var name: String
    var price: Decimal
}

/// The cache service: values under keys of the service's own.
func keys(_ client: CisternClient) async throws {
    try await client.set(
        "product:44",
        to: Page(name: "Café", price: Decimal(string: "12.50")!),
        timeToLive: .seconds(300)
    )
    let page = try await client.get("product:44", as: Page.self)
    print("  stored: \(page.value?.price ?? 0)")
    print("  there: \(try await client.exists("product:44")), \(try await client.exists("product:45"))")
    print("  kept longer: \(try await client.expire("product:44", after: .seconds(600)))")
    for number in 0..<3 { try await client.set("products:org:8:page:\(number)", to: [Page]()) }
    try await client.invalidate(pattern: "products:org:8:*")
    var left = 0
    for number in 0..<3 where try await client.exists("products:org:8:page:\(number)") { left += 1 }
    print("  pages left: \(left)")
    print("  deleted: \(try await client.delete("product:44", "product:45"))")
    print("  found: \(try await client.get("product:44", as: Page.self).isFound)")
    do throws(CisternError) {
        try await client.set("44", to: "a key without a namespace")
    } catch {
        print("  refused: \(error.code)")
    }
}
