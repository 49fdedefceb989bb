internal import JSONText

/// What is asked: statements with their shares, and how the keys in them are drawn.
package struct Scenario: Sendable, Equatable {
    package struct Request: Sendable, Equatable {
        package var name: String
        /// Its share among the scenario's reads, or among its writes.
        package var weight: Double
        package var isWrite: Bool
        package var sql: String
        package var parameters: [Parameter]
        /// Further fields of the request line (`ns`, `tags`, `ttl`, …) as JSON.
        package var fields: [String: String]
    }

    package enum Parameter: Sendable, Equatable {
        /// `"{key}"`: a key drawn as the scenario says.
        case key
        /// `"{1..50}"`: any number of a range, all alike.
        case number(ClosedRange<Int>)
        /// Any other value; nil is NULL.
        case literal(json: String, text: String?)
    }

    package var name: String
    /// Keys are `1...keys`.
    package var keys: Int
    /// The exponent of the keys' distribution; 0 draws all alike.
    package var zipf: Double
    /// The share of requests that write, from 0 to 1.
    package var writes: Double
    package var requests: [Request]

    package var reads: [Request] { requests.filter { !$0.isWrite } }
    package var writing: [Request] { requests.filter(\.isWrite) }

    /// One product by its key, and a change of its price where writes are asked for.
    package static let pointRead = Scenario(
        name: "one product by its key",
        keys: 20_000,
        zipf: 0,
        writes: 0,
        requests: [
            Request(
                name: "product",
                weight: 1,
                isWrite: false,
                sql: "SELECT id, organization_id, sku, name, base_price, is_active FROM products WHERE id = $1",
                parameters: [.key],
                fields: [:]
            ),
            Request(
                name: "new price",
                weight: 1,
                isWrite: true,
                sql: "UPDATE products SET base_price = $2 WHERE id = $1",
                parameters: [.key, .number(1...90_000)],
                fields: [:]
            ),
        ]
    )

    /// - Throws: what is missing for the load that is asked for.
    package func check() throws(LoadTestError) {
        guard keys >= 1 else { throw LoadTestError("there must be at least one key") }
        guard zipf >= 0, zipf <= 10 else { throw LoadTestError("the Zipf exponent must be from 0 to 10") }
        guard writes >= 0, writes <= 1 else { throw LoadTestError("the share of writes must be from 0 to 1") }
        if writes < 1, reads.isEmpty { throw LoadTestError("the scenario \"\(name)\" has no request that reads") }
        if writes > 0, writing.isEmpty { throw LoadTestError("the scenario \"\(name)\" has no request that writes") }
    }
}
