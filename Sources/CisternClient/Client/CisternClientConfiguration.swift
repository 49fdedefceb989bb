public import NIOSSL

/// How a client finds its server, and how long it waits.
public struct CisternClientConfiguration: Sendable {
    /// A name or an address.
    public var host: String
    public var port: Int
    /// For servers that ask for a user.
    public var user: String?
    public var password: String?
    /// Nil for plain text. `TLSConfiguration.makeClientConfiguration()` trusts the system's roots; `trustRoots` names others.
    public var tls: TLSConfiguration?
    /// The name that the server's certificate must have; nil for ``host``.
    public var serverName: String?

    /// Connections at most.
    public var maximumConnections = 8
    /// Connections that are kept open although nothing is asked.
    public var minimumConnections = 0
    /// Requests under way at once on one connection; the server's own limit applies too.
    public var maximumInFlightPerConnection = 64
    /// Requests that may wait for a connection; one more fails as ``CisternError/Code/overloaded``.
    public var maximumWaiting = 10_000
    /// Bytes of an answer; a longer one ends its connection.
    public var maximumAnswerBytes = 64 << 20

    /// For one attempt to connect, TLS and the greeting included.
    public var connectTimeout: Duration = .seconds(2)
    /// From the call to the answer, the wait for a connection included. A request with a longer time limit of its own
    /// (``QueryOptions/timeout``) is waited for five seconds longer than that.
    public var answerTimeout: Duration = .seconds(35)
    /// How long a request waits for a connection while none can be made or all are full.
    public var acquireTimeout: Duration = .seconds(5)
    /// A connection over ``minimumConnections`` that was not used for so long is closed.
    public var idleTimeout: Duration = .seconds(60)
    /// How long a graceful shutdown waits for the answers under way.
    public var drainTimeout: Duration = .seconds(10)

    public init(host: String = "127.0.0.1", port: Int = 7432) {
        self.host = host
        self.port = port
    }

    /// - Parameter address: `host:port`, `[::1]:7432`, or a host alone.
    /// - Throws: ``CisternError`` with ``CisternError/Code/badRequest`` where it is none.
    public init(address: String) throws(CisternError) {
        let mistake = CisternError(.badRequest, "\"\(address)\" is not host:port, such as 127.0.0.1:7432 or [::1]:7432")
        var host = address[...]
        var port = 7432
        let lastColon = address.lastIndex(of: ":")
        let isBare = address.count(where: { $0 == ":" }) > 1 && !address.hasPrefix("[")
        if let lastColon, !isBare, !address.hasSuffix("]") {
            guard let number = Int(address[address.index(after: lastColon)...]), (1...65_535).contains(number) else {
                throw mistake
            }
            port = number
            host = address[..<lastColon]
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { throw mistake }
            host = host.dropFirst().dropLast()
        }
        if host.isEmpty { throw mistake }
        self.init(host: String(host), port: port)
    }
}
