/// Takes passwords out of connection strings, so that they can be shown.
///
/// Where a string is not quite well formed, rather more is masked than is secret: what a person mistyped must not show
/// the password either.
enum ConnectionSecrets {
    static let mask = "***"

    private static let secretNames: Set<Substring> = [
        "password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key",
    ]

    /// Any of libpq's forms: a URI, or `key=value` pairs.
    static func maskPostgres(_ text: String) -> String {
        let isURI = ["postgresql://", "postgres://"].contains { text.lowercased().hasPrefix($0) }
        return isURI ? maskURL(text) : maskPairs(text)
    }

    /// The password before the `@`, and parameters that hold one.
    static func maskURL(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return text.isEmpty ? text : mask }
        let head = text[..<scheme.upperBound]
        var shown = String(head)
        var rest = text[scheme.upperBound...]
        if let end = credentialsEnd(of: rest) {
            shown += maskCredentials(rest[..<end], userNeedsPassword: !head.lowercased().hasPrefix("postgres"))
            rest = rest[end...]
        }
        guard let question = rest.firstIndex(of: "?") else { return shown + rest }
        let parameters = rest[rest.index(after: question)...].split(separator: "&", omittingEmptySubsequences: false)
        return shown + rest[...question] + parameters.map(maskParameter).joined(separator: "&")
    }

    /// - Parameter userNeedsPassword: what stands alone is then a password that lacks its colon.
    private static func maskCredentials(_ text: Substring, userNeedsPassword: Bool) -> String {
        guard let colon = text.firstIndex(of: ":") else { return userNeedsPassword ? mask : String(text) }
        return text[...colon] + (text[colon...].count > 1 ? mask : "")
    }

    /// Where the `@` is that ends user and password; nil when there are none.
    private static func credentialsEnd(of text: Substring) -> Substring.Index? {
        let authority = text.prefix { $0 != "/" }
        guard let first = authority.firstIndex(of: "@") else {
            // A password with an unescaped slash: what follows the colon is no port.
            guard let at = text.lastIndex(of: "@"), let colon = authority.firstIndex(of: ":") else { return nil }
            let port = authority[authority.index(after: colon)...]
            let isPort = port.prefix { $0 != "?" && $0 != "," }.allSatisfy(\.isNumber)
            return isPort ? nil : at
        }
        // An unescaped @ in the password.
        let rest = authority[first...].prefix { $0 != "?" }
        return rest.lastIndex(of: "@")
    }

    private static func maskParameter(_ parameter: Substring) -> String {
        let name = parameter.prefix { $0 != "=" }
        // A name with escapes is not worth decoding to show its value.
        guard name.endIndex < parameter.endIndex, secretNames.contains(name) || name.contains("%") else {
            return String(parameter)
        }
        return "\(name)=\(mask)"
    }

    private static func maskPairs(_ text: String) -> String {
        var shown = ""
        var rest = text[...]
        while let equals = rest.firstIndex(of: "=") {
            let words = rest[..<equals].split(whereSeparator: \.isWhitespace)
            let valueStart = rest[equals...].dropFirst().firstIndex { !$0.isWhitespace } ?? rest.endIndex
            let value = rest[valueStart...].prefix(valueLength(rest[valueStart...]))
            // Words that belong to no pair may be the rest of a password that lacks its quotes.
            shown += words.count > 1 ? " \(mask) \(words[words.count - 1])=" : String(rest[..<valueStart])
            if let name = words.last, secretNames.contains(Substring(name.lowercased())) {
                shown += mask
            } else {
                // A whole URI can stand for the database's name.
                shown += value.contains("://") ? maskURL(String(value)) : String(value)
            }
            rest = rest[value.endIndex...]
        }
        return shown + (rest.allSatisfy(\.isWhitespace) ? String(rest) : " \(mask)")
    }

    /// Up to the space that ends a value, or past the quote that does; a backslash hides the character after it.
    private static func valueLength(_ text: Substring) -> Int {
        var length = 0
        var isEscaped = false
        let isQuoted = text.first == "'"
        for character in text {
            if !isEscaped, !isQuoted, character.isWhitespace { return length }
            length += 1
            if !isEscaped, isQuoted, character == "'", length > 1 { return length }
            isEscaped = !isEscaped && character == "\\"
        }
        return length
    }
}
