package import NIOCore

/// Where Redis is and how to speak to it.
package struct RedisConfiguration: Sendable {
    package enum Address: Sendable, Equatable {
        case tcp(host: String, port: Int)
        case unixSocket(path: String)
    }

    /// What of TLS is not the default: the system's roots of trust, and a full verification of the server.
    package struct TLS: Sendable, Equatable {
        /// Paths of PEM files.
        package var certificateAuthority: String?
        package var certificate: String?
        package var privateKey: String?
        /// Takes any certificate: encrypted, but not known to be the server that was meant.
        package var isInsecure = false
    }

    package var address: Address
    /// Nil speaks in plain text.
    package var tls: TLS?
    package var user: String?
    package var password: String?
    package var database: Int
    /// How long a command may go unanswered.
    package var socketTimeout: TimeAmount = .seconds(2)
    /// For one attempt to connect, up to the connection's being ready. With the longest wait between two attempts it must
    /// stay under the two seconds within which a server that has come back is used again.
    package var connectTimeout: TimeAmount = .seconds(1)
    /// Shown by `CLIENT LIST`.
    package var clientName = "cistern"
    /// Nil for one connection per event loop; fewer are shared.
    package var maximumConnections: Int?
    /// What every connection, those of subscriptions too, sends once the server is known and before it is used. An error
    /// among the replies ends the connection with the code `server` and the server's message. Called on an event loop: it
    /// must not block.
    package var introduction: (@Sendable (RedisServerIdentity) -> [RedisCommand])?

    /// - Parameter url: `redis://` or `rediss://` with `[user:password@]host[:port][/database]`, or `unix://` with
    ///   `[user:password@]/path[?db=database]`; user, password, host and path percent-encoded. `rediss://` also takes
    ///   `?cacert=`, `cert=`, `key=` (paths of PEM files) and `insecure=true`.
    package init(url: String) throws(RedisURLError) {
        var url = try RedisURL(url)
        database = try url.takeDatabase()
        tls = try url.takeTLS()
        try url.refuseRest()
        address = url.address
        user = url.user
        password = url.password
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomDebugStringConvertible {
    /// The URL with the password masked.
    package var description: String {
        let credentials = password == nil ? "" : "\(user ?? ""):***@"
        switch address {
        case .tcp(let host, let port):
            let shown = host.contains(":") ? "[\(host)]" : host
            return "\(tls == nil ? "redis" : "rediss")://\(credentials)\(shown):\(port)/\(database)"
        case .unixSocket(let path):
            return "unix://\(credentials)\(path)?db=\(database)"
        }
    }

    package var debugDescription: String { description }
}
