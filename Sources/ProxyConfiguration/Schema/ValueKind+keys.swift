// The kinds of value that only one or two keys take.

extension ValueKind where Value == ListenAddress {
    static let address = ValueKind(
        text: { text throws(ValueError) in try ListenAddress(parsing: text) },
        format: { "\($0)" }
    )
}

extension ValueKind where Value == Duration {
    static let positive = duration(.milliseconds(1)...DurationText.maximum)

    /// PostgreSQL counts a statement's time in milliseconds of 32 bits.
    static let statement = duration(.milliseconds(1)...(.seconds(24 * 86_400)))
}

extension ValueKind where Value == Duration? {
    static let durationOrNever = ValueKind<Duration>.duration().map(
        { $0 == .zero ? nil : $0 },
        write: { (value: Duration?) in value ?? .zero }
    )
}

extension ValueKind where Value == String? {
    static let optionalText = ValueKind<String>.text.map(
        { $0.isEmpty ? nil : $0 },
        write: { (value: String?) in value ?? "" }
    )
}

extension ValueKind where Value == Int? {
    static let limit = ValueKind<Int>.integer(0...1_000_000).map(
        { $0 == 0 ? nil : $0 },
        write: { (value: Int?) in value ?? 0 }
    )

    /// No number stands for "the URL's": that is said by leaving the key out.
    static let database = ValueKind<Int>.integer(0...Int(Int32.max)).map(
        { (value: Int) -> Int? in value },
        write: { (value: Int?) in value }
    )
}

extension ValueKind where Value == String {
    static let redisURL = text.checked { url throws(ValueError) in
        if url.isEmpty { return }
        // The value itself stays out of the message: it may hold a password.
        guard let scheme = url.firstRange(of: "://"), ["redis", "rediss", "unix"].contains(url[..<scheme.lowerBound])
        else { throw ValueError("must begin with redis://, rediss:// or unix://, or be empty for no Redis") }
        if url[..<scheme.lowerBound] == "unix", url[scheme.upperBound...].isEmpty {
            throw ValueError("must name the socket: unix:///path/to/redis.sock")
        }
    }

    static let channel = text.checked { channel throws(ValueError) in
        if channel.isEmpty { throw ValueError("must not be empty") }
    }
}

extension ValueKind where Value == [String] {
    /// Names of settings in lower case, as PostgreSQL compares them; a prefix of its own may stand for all that begin
    /// so.
    static let settingNames = list { text throws(ValueError) in
        let name = text.lowercased()
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let words = parts.last == "*" && parts.count > 1 ? parts.dropLast() : parts[...]
        guard words.allSatisfy(isIdentifier) else {
            // "*" would also open the settings that decide whose rights a statement has.
            throw ValueError("must name settings, or a prefix such as \"app.*\"; \"\(text)\" is neither")
        }
        return name
    }

    static let tableNames = list { text throws(ValueError) in
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw ValueError("must name tables with their schema, such as \"public.products\"; \"\(text)\" has none")
        }
        return text
    }

    private static func isIdentifier(_ word: Substring) -> Bool {
        guard let first = word.first, first.isLetter || first == "_" else { return false }
        return word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
    }
}
