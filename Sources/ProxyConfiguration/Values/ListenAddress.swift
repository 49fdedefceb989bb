/// Where a server listens.
package struct ListenAddress: Sendable, Equatable {
    /// A name or an address; an IPv6 address without brackets.
    package var host: String
    /// From 0 to 65535; zero lets the system choose.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

extension ListenAddress: CustomStringConvertible {
    /// `host:port`, an IPv6 address in brackets.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ListenAddress {
    init(parsing text: String) throws(ValueError) {
        guard let colon = text.lastIndex(of: ":") else {
            throw ValueError("must be host:port, such as \"127.0.0.1:7432\" or \"[::1]:7432\"")
        }
        let digits = text[text.index(after: colon)...]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits) else {
            throw ValueError("must end in a port from 0 to 65535")
        }
        self.init(host: try Self.host(text[..<colon]), port: Int(port))
    }

    private static func host(_ text: Substring) throws(ValueError) -> String {
        if text.first == "[" {
            let address = text.dropFirst().dropLast()
            guard text.last == "]", address.contains(":"), address.allSatisfy(isAddressCharacter) else {
                throw ValueError("must hold an IPv6 address between [ and ]")
            }
            return String(address)
        }
        if text.contains(":") { throw ValueError("must have an IPv6 address in brackets: \"[::1]:7432\"") }
        // Both are the usual way to say "every address of this machine".
        if text.isEmpty || text == "*" { return "0.0.0.0" }
        guard text.allSatisfy(isNameCharacter) else { throw ValueError("must name a host before the port") }
        return String(text)
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "-._".contains(character))
    }

    /// A zone (`fe80::1%eth0`) is part of an address.
    private static func isAddressCharacter(_ character: Character) -> Bool {
        isNameCharacter(character) || character == ":" || character == "%"
    }
}
