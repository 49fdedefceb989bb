/// What is wrong with a Redis URL. The message never repeats the URL, which may hold a password.
package struct RedisURLError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// The parts of a Redis URL, decoded.
struct RedisURL {
    private enum Scheme: String {
        case redis
        case rediss
        case unix
    }

    private let scheme: Scheme
    private(set) var address: RedisConfiguration.Address
    private(set) var user: String?
    private(set) var password: String?
    private var pathDatabase: String?
    private var query: [String: String] = [:]

    init(_ url: String) throws(RedisURLError) {
        guard let separator = url.firstRange(of: "://") else {
            throw RedisURLError("it must begin with redis://, rediss:// or unix://")
        }
        guard let scheme = Scheme(rawValue: url[..<separator.lowerBound].lowercased()) else {
            throw RedisURLError("the scheme must be redis, rediss or unix")
        }
        self.scheme = scheme
        var rest = url[separator.upperBound...]
        if rest.contains("#") { throw RedisURLError("a # must be written as %23") }
        if let mark = rest.firstIndex(of: "?") {
            query = try RedisURL.parameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        let path = rest[slash...]
        if let at = authority.lastIndex(of: "@") {
            (user, password) = try RedisURL.credentials(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        switch scheme {
        case .unix:
            guard authority.isEmpty else { throw RedisURLError("a unix socket's path begins with / and has no host") }
            let path = try RedisURL.decoded(path, part: "the path")
            guard path.count > 1 else { throw RedisURLError("the path of the unix socket is missing") }
            address = .unixSocket(path: path)
        case .redis, .rediss:
            address = try RedisURL.host(authority)
            let database = path.dropFirst()
            pathDatabase = database.isEmpty ? nil : String(database)
        }
    }

    mutating func takeDatabase() throws(RedisURLError) -> Int {
        let parameter = query.removeValue(forKey: "db")
        if parameter != nil, pathDatabase != nil { throw RedisURLError("the database is given twice") }
        guard let text = parameter ?? pathDatabase else { return 0 }
        guard let number = RedisURL.decimal(text[...]), number <= Int(Int32.max) else {
            throw RedisURLError("the database must be a number from 0")
        }
        return number
    }

    mutating func takeTLS() throws(RedisURLError) -> RedisConfiguration.TLS? {
        guard scheme == .rediss else { return nil }
        var tls = RedisConfiguration.TLS()
        tls.certificateAuthority = query.removeValue(forKey: "cacert")
        tls.certificate = query.removeValue(forKey: "cert")
        tls.privateKey = query.removeValue(forKey: "key")
        if (tls.certificate == nil) != (tls.privateKey == nil) {
            throw RedisURLError("cert and key are given together or not at all")
        }
        switch query.removeValue(forKey: "insecure") {
        case nil, "false": break
        case "true": tls.isInsecure = true
        default: throw RedisURLError("insecure must be true or false")
        }
        return tls
    }

    func refuseRest() throws(RedisURLError) {
        if let name = query.keys.min() { throw RedisURLError("the parameter \(name) is not known here") }
    }

    // MARK: Parts

    private static func credentials(_ text: Substring) throws(RedisURLError) -> (user: String?, password: String) {
        guard let colon = text.firstIndex(of: ":") else {
            throw RedisURLError("a user needs a password: user:password@, or :password@ for a password alone")
        }
        let user = try decoded(text[..<colon], part: "the user")
        let password = try decoded(text[text.index(after: colon)...], part: "the password")
        return (user.isEmpty ? nil : user, password)
    }

    private static func host(_ text: Substring) throws(RedisURLError) -> RedisConfiguration.Address {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw RedisURLError("an IPv6 address needs a closing ]") }
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.first == ":" else { throw RedisURLError("after ] only a port can follow") }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        var number: UInt16 = 6379
        if let port {
            guard let given = decimal(port).flatMap({ UInt16(exactly: $0) }), given > 0 else {
                throw RedisURLError("the port must be from 1 to 65535")
            }
            number = given
        }
        let name = try decoded(host, part: "the host")
        return .tcp(host: name.isEmpty ? "localhost" : name, port: Int(number))
    }

    private static func parameters(_ text: Substring) throws(RedisURLError) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in text.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else { throw RedisURLError("a parameter needs a value") }
            let name = try decoded(pair[..<equals], part: "a parameter")
            let value = try decoded(pair[pair.index(after: equals)...], part: "a parameter")
            guard parameters.updateValue(value, forKey: name) == nil else {
                throw RedisURLError("the parameter \(name) is given twice")
            }
        }
        return parameters
    }

    private static func decoded(_ text: Substring, part: String) throws(RedisURLError) -> String {
        var bytes: [UInt8] = []
        var source = text.utf8.makeIterator()
        while let byte = source.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = source.next().flatMap(hexadecimal), let low = source.next().flatMap(hexadecimal) else {
                throw RedisURLError("in \(part), a % must be followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw RedisURLError("\(part) is not valid text once decoded")
        }
        return decoded
    }

    /// Digits alone; what Swift reads as a number may have a sign.
    private static func decimal(_ text: Substring) -> Int? {
        text.first == "+" || text.first == "-" ? nil : Int(text)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
