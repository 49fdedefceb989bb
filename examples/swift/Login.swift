import CisternClient

private struct Visit: Codable, Sendable {
    var name: String
    var cart: [String] = []
}

/// Log in, stay, log out; and refresh tokens that are replaced when they are used.
func login(_ client: CisternClient) async throws {
    let sessions = client.sessions

    print("log in")
    let grant = try await sessions.create(userID: "user-44", data: Visit(name: "Ana"))
    guard var session = try await sessions.get(grant.id, as: Visit.self) else {
        return print("  the session is not there")
    }
    print("  \(session.userID) is \(session.data.name), version \(session.version)")
    let first = session.version
    var visit = session.data
    visit.cart.append("V-000044-1")
    let version = try await sessions.update(grant.id, data: visit, ifVersion: first)
    session = try await sessions.get(grant.id, as: Visit.self) ?? session
    print("  version \(version ?? 0) has \(session.data.cart)")
    do throws(CisternError) {
        try await sessions.update(grant.id, data: visit, ifVersion: first)
    } catch {
        print("  an update from the old version: \(error.code)")
    }

    print("stay")
    let end = try await sessions.extend(grant.id)
    print("  extended: \(end.map { $0 >= grant.expiresAt } ?? false)")
    _ = try await sessions.create(userID: "user-44", data: Visit(name: "Ana, on the telephone"))
    print("  sessions: \(try await sessions.list(userID: "user-44").count)")

    print("log out")
    let isDeleted = try await sessions.delete(grant.id)
    print("  deleted: \(isDeleted); found: \(try await sessions.get(grant.id, as: Visit.self) != nil)")
    print("  everywhere: \(try await sessions.deleteAll(userID: "user-44")) deleted")

    print("refresh tokens")
    let token = try await sessions.create(userID: "user-44", data: ["device": "telephone"], kind: "refresh_tokens")
    guard case .renewed(let next) = try await sessions.rotate(token.id) else { return print("  it was not renewed") }
    let data = try await sessions.get(next.id, as: [String: String].self)?.data
    print("  the new token works: \(data?["device"] ?? "no")")
    print("  the old one is found: \(try await sessions.get(token.id, as: CisternValue.self) != nil)")
    print("  used twice: \(try await sessions.rotate(token.id))")
    print("  the new one is found: \(try await sessions.get(next.id, as: CisternValue.self) != nil)")
}
