internal import NIOCore
internal import NIOPosix

/// What to say when nobody can be reached, for somebody who has been called out of bed.
enum ConnectFailure {
    /// - Parameters:
    ///   - error: what the attempt to connect ended with.
    ///   - option: the option and the variable that set the address.
    static func message(_ error: any Error, at address: ServerAddress, option: String) -> String {
        switch reason(error) {
        case .refused:
            """
            nothing listens at \(address)
            Is the proxy running? Look with `systemctl status cistern`, or start one: cistern serve
            Does it listen elsewhere? Say where: \(option)
            """
        case .unknownHost:
            """
            the host of \(address) is not known
            Is the name right? It was set by \(option), or is the default.
            """
        case .timedOut:
            """
            \(address) does not answer
            The machine may be down, or a firewall is in between; a proxy that hangs looks like this too.
            """
        case .other(let text):
            "\(address) cannot be reached: \(text)"
        }
    }

    /// What the system says of an attempt to connect; nil where it succeeds.
    static func error(at address: ServerAddress) async -> (any Error)? {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(host: address.host, port: address.port).get()
            try? await channel.close().get()
            return nil
        } catch {
            return error
        }
    }

    private enum Reason {
        case refused, unknownHost, timedOut
        case other(String)
    }

    private static func reason(_ error: any Error) -> Reason {
        if let error = error as? NIOConnectionError {
            guard let first = error.connectionErrors.first else { return .unknownHost }
            return reason(first.error)
        }
        if let error = error as? IOError {
            switch error.errnoCode {
            case ECONNREFUSED, ENOENT: return .refused
            case ETIMEDOUT: return .timedOut
            default: return .other("\(error)")
            }
        }
        if let error = error as? ChannelError, case .connectTimeout = error { return .timedOut }
        return .other("\(error)")
    }
}
