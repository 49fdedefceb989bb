/// Which server answered, and which history of data it holds.
package struct RedisServerIdentity: Sendable, Equatable {
    /// Of this run of the server process: another after every restart.
    package var runID: String
    /// Of the history of writes: another after a promotion and after most restarts. Empty if the server tells none.
    package var replicationID: String
    package var version: String
    package var isValkey: Bool

    package init(runID: String, replicationID: String, version: String, isValkey: Bool) {
        self.runID = runID
        self.replicationID = replicationID
        self.version = version
        self.isValkey = isValkey
    }
}

extension RedisServerIdentity {
    static let minimumMajorVersion = 7

    /// - Parameters:
    ///   - server: the text of `INFO server`
    ///   - replication: the text of `INFO replication`
    init(server: String, replication: String) throws(RedisError) {
        let serverFields = RedisServerIdentity.fields(of: server)
        let replicationFields = RedisServerIdentity.fields(of: replication)
        guard let runID = serverFields["run_id"] else {
            throw RedisError(code: .unsupportedServer, message: "the server does not tell its run_id: it is not Redis")
        }
        self.runID = runID
        self.replicationID = replicationFields["master_replid"] ?? ""
        if let version = serverFields["valkey_version"] {
            self.version = version
            self.isValkey = true
            return
        }
        guard let version = serverFields["redis_version"] else {
            throw RedisError(code: .unsupportedServer, message: "the server does not tell its version: it is not Redis")
        }
        self.version = version
        self.isValkey = false
        guard let major = version.split(separator: ".").first.flatMap({ Int($0) }),
            major >= RedisServerIdentity.minimumMajorVersion
        else {
            throw RedisError(
                code: .unsupportedServer,
                message: "Redis \(version) is too old: 7.0 or newer is needed, or any version of Valkey"
            )
        }
    }

    private static func fields(of info: String) -> [Substring: String] {
        var fields: [Substring: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = String(line[line.index(after: colon)...])
        }
        return fields
    }
}
