/// Cuts SQL at its semicolons, as psql does: not at those inside quotes, comments, brackets, or the body of a function
/// that is written in SQL (`BEGIN ATOMIC … END`).
struct StatementScanner {
    private enum Inside: Equatable {
        case statement
        case quotes(UInt8, hasEscapes: Bool)
        /// The tag with its two dollar signs.
        case dollars([UInt8])
        case lineComment
        case blockComment(depth: Int)
    }

    private var inside = Inside.statement
    private var brackets = 0
    private var blocks = 0
    /// The first words of the statement, in lower case, as far as they tell a function's definition.
    private var words: [String] = []
    private var bytes: [UInt8] = []
    private var hasContent = false

    /// What has been read of a statement that is not ended yet.
    var rest: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether anything but spaces and comments has been read of it.
    var isInStatement: Bool { hasContent || inside != .statement && inside != .lineComment }

    /// What a prompt shows before the line that goes on: psql's signs.
    var sign: String {
        switch inside {
        case .quotes(let quote, _): String(UnicodeScalar(quote))
        case .dollars: "$"
        case .blockComment: "*"
        case .statement, .lineComment: brackets > 0 ? "(" : "-"
        }
    }

    /// - Returns: the statements that are ended by this text, without their semicolons.
    mutating func read(_ text: String) -> [String] {
        var ended: [String] = []
        let input = Array(text.utf8)
        var index = 0
        while index < input.count {
            let length = step(input, at: index)
            if length == 0 {
                if let statement = take() { ended.append(statement) }
                index += 1
            } else {
                bytes += input[index..<min(input.count, index + length)]
                index += length
            }
        }
        return ended
    }

    /// What is left, ended by the end of the input; nil where that is nothing but spaces and comments.
    mutating func take() -> String? {
        let statement = hasContent ? rest.drop(while: \.isWhitespace) : nil
        self = StatementScanner()
        return statement.map { String($0) }
    }

    static func statements(in text: String) -> [String] {
        var scanner = StatementScanner()
        var statements = scanner.read(text)
        if let last = scanner.take() { statements.append(last) }
        return statements
    }

    /// - Returns: how many bytes belong together from here; 0 for a semicolon that ends the statement.
    private mutating func step(_ input: [UInt8], at index: Int) -> Int {
        let byte = input[index]
        let next = index + 1 < input.count ? input[index + 1] : 0
        switch inside {
        case .statement: return stepInStatement(input, at: index, byte, next)
        case .quotes(let quote, let hasEscapes):
            if hasEscapes && byte == UInt8(ascii: "\\") { return 2 }
            if byte == quote {
                // Doubled it stands for itself: the quotes go on right away.
                if next == quote { return 2 }
                inside = .statement
            }
        case .dollars(let tag):
            if input[index...].starts(with: tag) {
                inside = .statement
                return tag.count
            }
        case .lineComment:
            if byte == UInt8(ascii: "\n") { inside = .statement }
        case .blockComment(let depth):
            if byte == UInt8(ascii: "*") && next == UInt8(ascii: "/") {
                inside = depth == 1 ? .statement : .blockComment(depth: depth - 1)
                return 2
            }
            if byte == UInt8(ascii: "/") && next == UInt8(ascii: "*") {
                inside = .blockComment(depth: depth + 1)
                return 2
            }
        }
        return 1
    }

    private mutating func stepInStatement(_ input: [UInt8], at index: Int, _ byte: UInt8, _ next: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: ";") where brackets == 0 && blocks == 0: return 0
        case UInt8(ascii: "-") where next == UInt8(ascii: "-"):
            inside = .lineComment
            return 2
        case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
            inside = .blockComment(depth: 1)
            return 2
        case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): return 1
        default: hasContent = true
        }
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): inside = .quotes(byte, hasEscapes: false)
        case UInt8(ascii: "("): brackets += 1
        case UInt8(ascii: ")"): brackets = max(0, brackets - 1)
        case UInt8(ascii: "$"):
            if let tag = Self.dollarTag(input, at: index) {
                inside = .dollars(tag)
                return tag.count
            }
        case _ where Self.isWord(byte): return stepWord(input, at: index)
        default: break
        }
        return 1
    }

    private mutating func stepWord(_ input: [UInt8], at index: Int) -> Int {
        let word = input[index...].prefix { Self.isWord($0) || $0 == UInt8(ascii: "$") }
        let text = String(decoding: word, as: UTF8.self).lowercased()
        if text == "e", index + 1 < input.count, input[index + 1] == UInt8(ascii: "'") {
            inside = .quotes(UInt8(ascii: "'"), hasEscapes: true)
            return 2
        }
        if words.count < 4 { words.append(text) }
        let isRoutine =
            words.first == "create" && words.contains { $0 == "function" || $0 == "procedure" }
        if isRoutine && brackets == 0 {
            switch text {
            case "begin": blocks += 1
            case "case" where blocks > 0: blocks += 1
            case "end": blocks = max(0, blocks - 1)
            default: break
            }
        }
        return word.count
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }

    /// `$$` or `$name$`; nil for a parameter, or a dollar sign alone.
    private static func dollarTag(_ input: [UInt8], at index: Int) -> [UInt8]? {
        let name = input[(index + 1)...].prefix(while: isWord)
        if let first = name.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) { return nil }
        guard name.endIndex < input.count, input[name.endIndex] == UInt8(ascii: "$") else { return nil }
        return Array(input[index...name.endIndex])
    }
}
