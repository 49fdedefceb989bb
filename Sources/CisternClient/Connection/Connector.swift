internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes connections: TCP, TLS where it is asked for, then `hello`, and `auth` where there is a user.
struct Connector: Sendable {
    let host: String
    let port: Int
    /// For all of it.
    let connectTimeout: TimeAmount
    let group: any EventLoopGroup
    var tls: TLSConfiguration?
    var serverName: String?
    var credentials: Credentials?
    /// Bytes.
    var maximumAnswerBytes = 64 << 20

    struct Credentials: Sendable {
        let user: String
        let password: String
    }

    /// A connection that hands out lines in order and asks nothing first.
    func connectRaw() -> EventLoopFuture<CisternConnection> {
        connect(isRaw: true)
    }

    /// A connection that the server has greeted.
    func connectGreeted() -> EventLoopFuture<(CisternConnection, ServerGreeting)> {
        let deadline = NIODeadline.now() + connectTimeout
        return connect(isRaw: false).flatMap { connection in
            greet(connection, deadline: deadline).flatMapErrorThrowing { error in
                connection.beginClose()
                throw error
            }
        }
    }

    private func connect(isRaw: Bool) -> EventLoopFuture<CisternConnection> {
        let context: NIOSSLContext?
        do {
            context = try tls.map { try NIOSSLContext(configuration: $0) }
        } catch {
            return group.any().makeFailedFuture(error)
        }
        // A name is shown to the server and compared with its certificate; an address is not a name.
        let name = serverName ?? ((try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil)
        let limit = maximumAnswerBytes
        return ClientBootstrap(group: group)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let context else { return }
                    try channel.pipeline.syncOperations.addHandler(
                        try NIOSSLClientHandler(context: context, serverHostname: name)
                    )
                }
            }
            .connect(host: host, port: port)
            .flatMapThrowing { channel in
                let handler = ConnectionHandler(isRaw: isRaw)
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(ByteToMessageHandler(ResponseLineDecoder(maximumLength: limit)))
                try pipeline.addHandler(handler)
                return CisternConnection(channel: channel, handler: handler)
            }
    }

    /// Both requests go out at once; a server without users refuses the second as an op that there is not.
    private func greet(
        _ connection: CisternConnection,
        deadline: NIODeadline
    ) -> EventLoopFuture<(CisternConnection, ServerGreeting)> {
        let hello = Exchange(.numbered, deadline: deadline) { RequestLine.bare("hello", number: $0) }
        let greeting = send(hello, over: connection).flatMapThrowing { try ServerGreeting(try Answer($0)) }
        guard let credentials else {
            return greeting.flatMapThrowing { greeting in
                if greeting.requiresAuthentication {
                    throw CisternError(.unauthorized, "the server asks for a user and a password")
                }
                return (connection, greeting)
            }
        }
        let auth = Exchange(.numbered, deadline: deadline) { number in
            var line = RequestLine("auth", number: number)
            line.add("user", credentials.user)
            line.add("password", credentials.password)
            return line.finished()
        }
        let outcome = send(auth, over: connection)
        return greeting.and(outcome).flatMapThrowing { greeting, line in
            if greeting.requiresAuthentication { _ = try Answer(line) }
            return (connection, greeting)
        }
    }

    private func send(_ exchange: Exchange, over connection: CisternConnection) -> EventLoopFuture<ByteBuffer> {
        let promise = connection.eventLoop.makePromise(of: ByteBuffer.self)
        exchange.whenSettled { outcome in promise.completeWith(outcome.mapError { $0 as any Error }) }
        connection.submit(exchange)
        return promise.futureResult
    }
}

extension CisternError {
    /// - Parameter error: what the system, TLS or the greeting said.
    init(unreachable error: any Error, host: String, port: Int) {
        if let error = error as? CisternError, error.code != .connectionLost, error.code != .noAnswer {
            self = error
        } else {
            self.init(.unreachable, "no Cistern server can be reached at \(host):\(port): \(error)")
        }
    }
}
