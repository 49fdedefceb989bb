import CisternClient

/// Many requests at once over few connections, one that is given up, and a statement that may not run for long.
func concurrency(_ client: CisternClient) async throws {
    let names = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for id in 1...50 {
            group.addTask {
                let result = try await client.query(
                    "SELECT name FROM organizations WHERE id = $1",
                    [.int(id)],
                    as: String.self
                )
                return (id, result.rows.first)
            }
        }
        return try await group.reduce(into: [:]) { names, one in names[one.0] = one.1 }
    }
    print("  \(names.count) answers; the seventh is \(names[7] ?? "?")")

    let slow = Task { try await client.query("SELECT pg_sleep(20)") }
    slow.cancel()
    if case .failure(let error as CisternError) = await slow.result { print("  given up: \(error.code)") }

    do throws(CisternError) {
        _ = try await client.query("SELECT pg_sleep(20)", options: QueryOptions(timeout: .milliseconds(100)))
    } catch {
        print("  taken too long: \(error.code)")
    }
}
