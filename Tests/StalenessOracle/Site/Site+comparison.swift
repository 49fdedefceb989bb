import CisternClient
import NIOCore

extension Site {
    /// Reads every row on every proxy, in every way, and past the cache, while nobody writes.
    ///
    /// - Returns: what differs, in words.
    func differences(_ load: LoadHandle) async throws -> [String] {
        var truth: [Int?] = []
        var differences: [String] = []
        try await withConnection(to: 0) { connection in
            for row in 0..<layout.rows {
                let reply = Reply(try await connection.send(ByteBuffer(string: layout.read(row, .none))))
                truth.append(reply.version)
                let (newest, attempted) = try await load.with { ($0.history.newest(row), $0.history.attempted(row)) }
                if let version = reply.version, (newest...attempted).contains(version) { continue }
                differences.append(
                    """
                    PostgreSQL has version \(reply.version.map(String.init) ?? "none") of row \(row); \(newest) was answered, \
                    \(attempted) attempted
                    """
                )
            }
        }
        for proxy in proxies {
            try await withConnection(to: proxy.number) { connection in
                for row in 0..<layout.rows {
                    let ways: [(slowly: Bool, consistency: Layout.Consistency)] =
                        [(false, .bounded), (false, .strict)]
                        + (layout.isReadSlowlyToo(row) ? [(true, .bounded), (true, .strict)] : [])
                    for way in ways {
                        let line = layout.read(row, slowly: way.slowly, way.consistency)
                        let reply = Reply(try await connection.send(ByteBuffer(string: line)))
                        if reply.version == truth[row] { continue }
                        differences.append(
                            """
                            at rest, proxy \(proxy.number) answers \(way.consistency)\(way.slowly ? ", slowly" : "") from \
                            \(reply.source?.rawValue ?? reply.code ?? "?"): version \(reply.version.map(String.init) ?? "none") \
                            of row \(row); PostgreSQL has \(truth[row].map(String.init) ?? "none")
                            """
                        )
                    }
                }
            }
        }
        return differences
    }

    private func withConnection(
        to proxy: Int,
        _ body: (CisternConnection) async throws -> Void
    ) async throws {
        let connection = try await CisternConnection.connect(host: "127.0.0.1", port: proxies[proxy].port)
        do {
            try await body(connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}
