import CisternClient

private struct Local: Decodable, Sendable {
    let id: Int
    let name: String
    let city: String
}

extension CisternClient {
    /// A query of one column is read as plain values. An empty set is cached like any other.
    fileprivate func permissions(of user: Int) async throws(CisternError) -> QueryResult<String> {
        try await query(
            """
            SELECT DISTINCT p.code
            FROM user_roles AS u
            JOIN role_permissions AS r ON r.role_id = u.role_id
            JOIN permissions AS p ON p.id = r.permission_id
            WHERE u.user_id = $1
            ORDER BY p.code
            """,
            [.int(user)],
            as: String.self,
            options: QueryOptions(namespace: "permissions", tags: ["permissions:\(user)"])
        )
    }

    fileprivate func locals(of organization: Int) async throws(CisternError) -> QueryResult<Local> {
        try await query(
            "SELECT id, name, city FROM locals WHERE organization_id = $1 AND is_active ORDER BY id",
            [.int(organization)],
            as: Local.self,
            options: QueryOptions(namespace: "locals", tags: ["org:\(organization):locals"])
        )
    }
}

/// A user's permissions and an organization's locals, read through the cache.
func permissions(_ client: CisternClient) async throws {
    print("permissions")
    let granted = try await client.permissions(of: 121)
    print("  user 121 may \(granted.rows.joined(separator: ", ")) (\(granted.source))")
    print("  again: \(try await client.permissions(of: 121).source)")
    _ = try await client.query("DELETE FROM user_roles WHERE user_id = $1", [121])
    let none = try await client.permissions(of: 121)
    print("  without a role: \(none.rowCount) permissions (\(none.source))")
    print("  again: \(try await client.permissions(of: 121).source)")

    print("locals")
    let locals = try await client.locals(of: 8)
    print("  organization 8 has \(locals.rowCount), the first in \(locals.rows[0].city) (\(locals.source))")
    print("  again: \(try await client.locals(of: 8).source)")
    _ = try await client.query("UPDATE locals SET is_active = false WHERE id = $1", [.int(locals.rows[0].id)])
    print("  one was closed: \(try await client.locals(of: 8).rowCount)")
}
