// The kinds of value that only one or two keys take.

extension ValueKind where Value == ListenAddress {
    static let address = ValueKind(
        text: { text throws(ValueError) in try ListenAddress(parsing: text) },
        format: { "\($0)" }
    )
}

extension ValueKind where Value == ListenAddress? {
    static let optionalAddress = ValueKind(
        text: { text throws(ValueError) in text.isEmpty ? nil : try ListenAddress(parsing: text) },
        format: { $0.map { "\($0)" } ?? "" }
    )
}

extension ValueKind where Value == Duration {
    /// More often would be a load of its own.
    static let check = duration(.seconds(1)...DurationText.maximum)

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

extension ValueKind where Value == String? {
    /// Goes into a header, and must not be guessed.
    static let token = ValueKind<String>.text.checked { token throws(ValueError) in
        if token.isEmpty { return }
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ValueError("must be of visible ASCII characters, without spaces")
        }
        if token.utf8.count < 16 {
            throw ValueError("must have 16 characters or more, as `openssl rand -hex 16` makes them")
        }
    }.map({ $0.isEmpty ? nil : $0 }, write: { (value: String?) in value ?? "" })
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

extension ValueKind where Value == [ProxyConfiguration.Log.Component: ProxyConfiguration.Log.Level] {
    /// A table of components and their levels; in a variable `redis=debug,line=warning`.
    static let levels = ValueKind(
        node: { node throws(ValueError) in
            guard case .table(let entries) = node.value else {
                throw ValueError("must be a table, written [log.levels], not \(node.value.kind)")
            }
            var levels: Value = [:]
            for entry in entries {
                guard case .string(let text) = entry.node.value else {
                    throw ValueError(
                        "\(entry.key) must be a string, not \(entry.node.value.kind)",
                        position: entry.node.position
                    )
                }
                try set(entry.key, text, in: &levels, keyAt: entry.keyPosition, valueAt: entry.node.position)
            }
            return levels
        },
        text: { text throws(ValueError) in
            var levels: Value = [:]
            for part in text.split(separator: ",") {
                let words = part.split(separator: "=", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
                guard words.count == 2 else { throw ValueError("must be COMPONENT=LEVEL, separated by commas") }
                try set(words[0], words[1], in: &levels, keyAt: nil, valueAt: nil)
            }
            return levels
        },
        toTOML: { levels in
            let members = levels.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.key.rawValue) = \(TOMLText.string($0.value.rawValue))" }
            return members.isEmpty ? "{}" : "{ \(members.joined(separator: ", ")) }"
        }
    )

    private static func set(
        _ name: String,
        _ text: String,
        in levels: inout Value,
        keyAt keyPosition: SourcePosition?,
        valueAt valuePosition: SourcePosition?
    ) throws(ValueError) {
        guard let component = ProxyConfiguration.Log.Component(rawValue: name) else {
            let names = ProxyConfiguration.Log.Component.allCases.map(\.rawValue)
            let hint =
                Suggestion.nearest(to: name, among: names).map { "did you mean \($0)?" }
                ?? "there are \(names.joined(separator: ", "))"
            throw ValueError("\(name) is not a component; \(hint)", position: keyPosition)
        }
        guard let level = ProxyConfiguration.Log.Level(rawValue: text) else {
            let names = ProxyConfiguration.Log.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValueError("\(name) must be one of \(names)", position: valuePosition)
        }
        levels[component] = level
    }
}
