internal import CPgQuery
internal import JSONText

/// A statement's bytes, ended by a zero for C, and what PostgreSQL's parser makes of them.
struct SQLText: Sendable {
    /// With the zero at the end.
    private var terminated: [UInt8]

    /// Nil where the text holds a zero byte, at which C would take it to end.
    init?(_ sql: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sql.utf8.count + 1)
        bytes.append(contentsOf: sql.utf8)
        if bytes.contains(0) { return nil }
        bytes.append(0)
        terminated = bytes
    }

    init(bytes: [UInt8]) {
        terminated = bytes + [0]
    }

    var count: Int { terminated.count - 1 }

    func bytes(of token: Token) -> ArraySlice<UInt8> {
        terminated[token.start..<min(token.end, count)]
    }

    func text(in range: Range<Int>) -> String {
        String(decoding: terminated[range.clamped(to: 0..<count)], as: UTF8.self)
    }

    private func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        terminated.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
        }
    }

    /// The text's tokens without comments, and the text with blanks in place of comments; nil where the scanner refuses
    /// it (an unterminated string). Does not recurse.
    ///
    /// This parser stumbles over comments where it looks ahead (`NOT /* x */ IN`), and PostgreSQL's does not.
    func scanned() -> (tokens: [Token], text: SQLText)? {
        let all = withCString { text -> [Token]? in
            let result = pg_query_scan(text)
            defer { pg_query_free_scan_result(result) }
            guard result.error == nil else { return nil }
            var reader = TokenReader(UnsafeRawBufferPointer(start: result.pbuf.data, count: result.pbuf.len))
            return reader.tokens()
        }
        guard var tokens = all else { return nil }
        if let last = tokens.last, last.isUnicode { tokens[tokens.count - 1].end = count }
        guard coversText(tokens) else { return nil }
        var text = self
        for comment in tokens where comment.isComment {
            for index in comment.start..<comment.end { text.terminated[index] = 0x20 }
        }
        tokens.removeAll(where: \.isComment)
        return (tokens, text)
    }

    /// Whether the tokens hold all of the text but spaces. What is made of them stands for the text, so nothing of it
    /// may be lost, whatever the scanner says.
    private func coversText(_ tokens: [Token]) -> Bool {
        var end = 0
        for token in tokens {
            guard token.start >= end, token.end <= count, isBlank(end..<token.start) else { return false }
            end = token.end
        }
        return isBlank(end..<count)
    }

    private func isBlank(_ range: Range<Int>) -> Bool {
        terminated[range].allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }

    /// The statements of the text, or nil where the grammar refuses it or the tree is deeper than `maximumDepth`
    /// levels of JSON. Recurses as deeply as the tree does: see ``Nesting``.
    func parseTree(maximumDepth: Int) -> [JSONValue]? {
        withCString { text -> [JSONValue]? in
            let result = pg_query_parse(text)
            defer { pg_query_free_parse_result(result) }
            guard result.error == nil, let tree = result.parse_tree else { return nil }
            let bytes = UnsafeRawBufferPointer(start: tree, count: tree.length)
            guard let value = try? JSONValue(parsing: bytes, maximumDepth: maximumDepth) else { return nil }
            // A text of nothing has no such member.
            return value["stmts"]?.array ?? []
        }
    }

    /// Equal for texts that differ in constants alone; empty where the grammar refuses the text.
    func fingerprint() -> String {
        withCString { text in
            let result = pg_query_fingerprint(text)
            defer { pg_query_free_fingerprint_result(result) }
            guard result.error == nil, let fingerprint = result.fingerprint_str else { return "" }
            return String(cString: fingerprint)
        }
    }
}

extension UnsafePointer<CChar> {
    fileprivate var length: Int {
        var length = 0
        while self[length] != 0 { length += 1 }
        return length
    }
}

extension UnsafeMutablePointer<CChar> {
    fileprivate var length: Int { UnsafePointer(self).length }
}
