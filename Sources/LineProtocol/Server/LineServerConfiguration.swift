package import NIOCore
package import NIOSSL

/// What the line server is configured with. Sizes in bytes.
package struct LineServerConfiguration: Sendable {
    package var host: String
    /// Zero lets the system choose.
    package var port: Int
    package var maximumConnections = 10_000
    /// Requests of one connection that run at once; past it the connection is not read.
    package var maximumInFlight = 128
    package var maximumRequestBytes = 1 << 20
    /// Told to clients in `hello`; the request path enforces it.
    package var maximumResultBytes = 16 << 20
    /// A connection on which nothing happens for so long is closed; nil never closes one.
    package var idleTimeout: TimeAmount?
    /// How long a stopping server waits for the answers under way.
    package var drainTimeout: TimeAmount = .seconds(30)
    package var tls: NIOSSLContext?
    package var version = "unknown"

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}
