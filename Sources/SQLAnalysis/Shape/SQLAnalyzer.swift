internal import JSONText

/// Tells what statements are: by their text, with PostgreSQL's own parser, and by what the server says of them.
package struct SQLAnalyzer: Sendable {
    private let threads = ParserThreads(limit: 2)

    /// Above this many levels of nesting a text is not parsed. Every level takes up to a few kilobytes of the parser
    /// threads' stack, and ordinary statements have a few dozen.
    static let maximumNesting = 2000
    /// Levels of JSON: a level of nesting is a handful of these.
    static let maximumTreeDepth = 5 * maximumNesting
    /// A text of more tokens is not taken apart: its tree would take hundreds of megabytes.
    static let maximumTokens = 150_000
    /// What is as small as this is parsed where the question is asked, which may be a thread of half a megabyte.
    private static let smallNesting = 40
    private static let smallBytes = 4096

    /// A larger text that plainly writes is not parsed: a list of thousands of rows takes longer to take apart than to
    /// insert.
    private static let bulkBytes = 32 << 10

    package init() {}

    /// What the text alone tells. Parses the text, so the caller should remember the answer.
    package func shape(of sql: String) async -> StatementShape {
        guard let text = SQLText(sql) else { return StatementShape(unparsed: sql) }
        if text.count <= Self.smallBytes {
            guard let (tokens, text) = text.scanned() else { return StatementShape(unparsed: sql) }
            if Nesting(tokens, in: text).maximum <= Self.smallNesting {
                return StatementShape(sql, text, tokens, maximumDepth: 5 * Self.smallNesting)
            }
        }
        return await threads.run {
            guard let (tokens, text) = text.scanned() else { return StatementShape(unparsed: sql) }
            if text.count > Self.bulkBytes, let shape = StatementShape(bulk: sql, tokens, text) { return shape }
            guard tokens.count <= Self.maximumTokens,
                Nesting(tokens, in: text).maximum <= Self.maximumNesting
            else {
                return StatementShape(unparsed: sql, tokens, text)
            }
            return StatementShape(sql, text, tokens, maximumDepth: Self.maximumTreeDepth)
        }
    }
}

extension StatementShape {
    /// The time that a fingerprint takes grows faster than the text.
    private static let fingerprintedBytes = 64 << 10

    fileprivate init(_ sql: String, _ text: SQLText, _ tokens: [Token], maximumDepth: Int) {
        guard let statements = text.parseTree(maximumDepth: maximumDepth) else {
            self.init(unparsed: sql, tokens, text)
            return
        }
        guard let first = statements.first, let tree = first["stmt"] else {
            self.init(kind: .empty, text: "")
            return
        }
        let forms = CanonicalText(tokens, in: text)
        self.init(kind: .multiple, text: forms.canonical.text)
        guard statements.count == 1 else { return }

        let walk = TreeWalk(tree)
        template = forms.template.text
        if walk.movingConstant != nil {
            // The constants are out of the template, but this much of them decides on the facts.
            template += " ?now"
        }
        if text.count <= Self.fingerprintedBytes { fingerprint = text.fingerprint() }
        relations = walk.relations
        functions = walk.functions
        parameterNumbers = walk.parameterNumbers.sorted()
        uses = walk.uses
        restrictions = RowRestriction.all(in: tree)
        bypass = walk.bypass
        let start = first["stmt_location"]?.int ?? 0
        let length = first["stmt_len"]?.int ?? 0
        statement = text.text(in: start..<(length > 0 ? start + length : text.count))
        classify(tree, modifies: walk.modifies)
    }

    /// By its first word and its tokens alone; nil where these do not tell.
    fileprivate init?(bulk sql: String, _ tokens: [Token], _ text: SQLText) {
        guard let first = tokens.first, first.isKeyword else { return nil }
        let words: Set<SmallWord> = ["insert", "update", "delete", "merge"]
        guard words.contains(SmallWord(text.bytes(of: first))) else { return nil }
        let end = tokens.lastIndex { !$0.isCharacter(";") } ?? 0
        let isOne = !tokens[...end].contains { $0.isCharacter(";") }
        self.init(kind: isOne ? .write : .multiple, text: sql)
        let numbers = tokens.lazy.filter { $0.symbol == Token.Symbol.parameter }
            .compactMap { Int(String(decoding: text.bytes(of: $0).dropFirst(), as: UTF8.self)) }
        parameterNumbers = Set(numbers).sorted()
    }

    /// A text that is not even made of tokens.
    fileprivate init(unparsed sql: String) {
        self.init(kind: .unparsed, text: sql)
        changesSchema = true
    }

    /// What can be told of a text that the grammar refuses: whether it begins like one that needs a session.
    fileprivate init(unparsed sql: String, _ tokens: [Token], _ text: SQLText) {
        self.init(unparsed: sql)
        let words = tokens.prefix(64).map { SmallWord(text.bytes(of: $0)) }
        guard let refusal = Refusal(words: words) else { return }
        kind = refusal.kind
        isAllowedInTransaction = refusal.isAllowedInTransaction
    }
}
