internal import ArgumentParser

/// Where something listens: `host:port`, `[IPv6]:port`, `host` or `:port`.
struct ServerAddress: ExpressibleByArgument, Equatable, Sendable, CustomStringConvertible {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        self.init(argument, defaultPort: nil)
    }

    /// - Parameter defaultPort: for a text without a port; nil where it needs one.
    init?(_ text: String, defaultPort: Int?) {
        var host = text[...]
        var port = defaultPort
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = Self.port(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = text.lastIndex(of: ":") {
            // Two colons without brackets could be an address alone or one with a port.
            guard text.firstIndex(of: ":") == colon, let number = Self.port(text[text.index(after: colon)...]) else {
                return nil
            }
            host = text[..<colon]
            port = number
        }
        guard let port, !host.contains(where: \.isWhitespace) else { return nil }
        self.init(host: host.isEmpty ? "127.0.0.1" : String(host), port: port)
    }

    private static func port(_ text: Substring) -> Int? {
        guard let number = Int(text), (1...65_535).contains(number) else { return nil }
        return number
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    static let defaultLine = ServerAddress(host: "127.0.0.1", port: 7432)
    static let defaultHTTP = ServerAddress(host: "127.0.0.1", port: 7480)

    /// What the option says, else the variable, else the default.
    static func chosen(
        option: ServerAddress?,
        variable: String,
        environment: [String: String],
        default standard: ServerAddress
    ) throws(CommandFailure) -> ServerAddress {
        if let option { return option }
        guard let text = environment[variable], !text.isEmpty else { return standard }
        guard let address = ServerAddress(text, defaultPort: nil) else {
            throw CommandFailure(
                "\(variable) must be host:port, such as \(standard), not \"\(text)\"",
                .validationFailure
            )
        }
        return address
    }
}
