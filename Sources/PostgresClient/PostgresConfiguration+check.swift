internal import CLibPQ

extension PostgresConfiguration {
    /// What libpq would not understand in a connection string; nil where it is well formed. Connects to nothing.
    ///
    /// libpq repeats what it does not understand, which may be a piece of a password: only what looks like the name of an
    /// option is shown.
    package static func problem(inURL url: String) -> String? {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            defer { PQfreemem(message) }
            let text = message.map { String(cString: $0) } ?? "is not a connection string"
            return masked(text.split(separator: "\n").joined(separator: "; "))
        }
        defer { PQconninfoFree(options) }
        var next = options
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val.map({ String(cString: $0) }) {
                if let problem = problem(String(cString: keyword), value) { return problem }
            }
            next += 1
        }
        return nil
    }

    /// What libpq would find out only when it connects.
    private static func problem(_ keyword: String, _ value: String) -> String? {
        switch keyword {
        case "port":
            let ports = value.split(separator: ",", omittingEmptySubsequences: false)
            let isRight = ports.allSatisfy { $0.isEmpty || Int($0).map { (1...65_535).contains($0) } ?? false }
            return isRight ? nil : "the port must be from 1 to 65535"
        case "sslmode":
            let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
            return modes.contains(value) ? nil : "sslmode must be one of \(modes.joined(separator: ", "))"
        default: return nil
        }
    }

    private static func masked(_ message: String) -> String {
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.enumerated().map { index, part in
            if index % 2 == 0 { return String(part) }
            return part == "=" || isLikeAnOption(part) ? "\"\(part)\"" : "\"***\""
        }.joined()
    }

    private static func isLikeAnOption(_ word: Substring) -> Bool {
        guard word.count <= 32, word.allSatisfy({ $0.isASCII && ($0.isLowercase || $0 == "_") }) else { return false }
        return [
            "host", "port", "dbname", "user", "pass", "ssl", "connect", "options", "application", "service", "target",
        ]
        .contains { $0.prefix(3) == word.prefix(3) }
    }
}
