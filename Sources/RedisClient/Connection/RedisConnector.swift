internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes channels to the server that the configuration names.
struct RedisConnector: Sendable {
    private let address: RedisConfiguration.Address
    private let timeout: TimeAmount
    private let tls: NIOSSLContext?
    private let serverName: String?

    init(_ configuration: RedisConfiguration) throws(RedisError) {
        address = configuration.address
        timeout = configuration.connectTimeout
        guard let settings = configuration.tls, case .tcp(let host, _) = configuration.address else {
            tls = nil
            serverName = nil
            return
        }
        do {
            tls = try NIOSSLContext(configuration: RedisConnector.tlsConfiguration(settings))
        } catch {
            throw RedisError(code: .unavailable, message: "the TLS settings for Redis cannot be used: \(error)")
        }
        // An address cannot be a server name; the certificate is then compared with the address itself.
        serverName = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    private static func tlsConfiguration(_ settings: RedisConfiguration.TLS) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if settings.isInsecure { configuration.certificateVerification = .none }
        if let path = settings.certificateAuthority { configuration.trustRoots = .file(path) }
        if let path = settings.certificate {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
        }
        if let path = settings.privateKey {
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: path, format: .pem))
        }
        return configuration
    }

    /// - Parameter makeHandler: called on the event loop once, for the connection that was made.
    /// - Returns: succeeds once the handler is in the channel; the handler sees to the rest.
    func connect<Handler: ChannelHandler & SendableMetatype>(
        on eventLoop: any EventLoop,
        makeHandler: @escaping @Sendable () -> Handler
    ) -> EventLoopFuture<Void> {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { [tls, serverName] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let tls else { return }
                    let handler = try NIOSSLClientHandler(context: tls, serverHostname: serverName)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        let connected =
            switch address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        // A name with several addresses makes several channels, of which one is kept: only that one gets the handler.
        return connected.flatMapThrowing { channel in
            try channel.pipeline.syncOperations.addHandler(makeHandler())
        }
    }
}
