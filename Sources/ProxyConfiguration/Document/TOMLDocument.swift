/// A TOML 1.0 text, read with the position of every key and value.
///
/// It is read here and not by TOMLKit for two reasons. TOMLKit tells no positions but those of syntax errors. And its
/// parser aborts the process on some malformed texts (`[&]`, `a = [}]`), which a proxy that reads its file again while
/// it serves must not.
///
/// A statement that is wrong is left out, and reading goes on with the next, so that one mistake does not hide the
/// others.
struct TOMLDocument {
    /// In the order in which they are written. With syntax errors, what could be read around them.
    let entries: [TOMLEntry]
    let errors: [TOMLSyntaxError]

    init(parsing text: String) {
        var parser = TOMLParser(text)
        parser.parse()
        entries = parser.root.entries
        errors = parser.errors
    }
}

/// Reads statements: headers and `key = value`. How values are written is in an extension of its own.
struct TOMLParser {
    /// Deeper values and longer names would use up the stack of whoever walks them.
    static let maximumDepth = 32
    private static let maximumErrors = 100

    let root = TOMLTable(origin: .header)
    private(set) var errors: [TOMLSyntaxError] = []

    var reader: ScalarReader
    var depth = 0

    init(_ text: String) {
        reader = ScalarReader(text)
    }

    mutating func parse() {
        var table = root
        var section = ""
        while errors.count < Self.maximumErrors {
            let start = reader
            var name = ""
            do throws(TOMLSyntaxError) {
                try skipLines()
                guard let next = reader.current else { return }
                if next == "[" {
                    // Until a header is known to be right, what follows belongs to no table.
                    table = TOMLTable(origin: .header)
                    section = ""
                    let (parts, isElement) = try header()
                    section = Self.name(parts)
                    table = try root.table(header: parts, isElement: isElement)
                } else {
                    let key = try dottedKey()
                    name = Self.name(key)
                    let value = try assignedValue()
                    try table.insert(value, at: key)
                }
                try endOfLine()
            } catch {
                var error = error
                if !name.isEmpty { error.key = section.isEmpty ? name : "\(section).\(name)" }
                errors.append(error)
                resume(after: error, from: start)
            }
        }
    }

    /// Goes to the next line after a mistake that looks like the start of a statement: in a list of several lines, the
    /// lines that follow the mistake do not.
    private mutating func resume(after error: TOMLSyntaxError, from start: ScalarReader) {
        // A string that is not closed has been read to the end of the text.
        if error.position < reader.position {
            reader = start
            while reader.current != nil, reader.position < error.position { reader.advance() }
        }
        while reader.current != nil {
            while let next = reader.current, next != "\n" { reader.advance() }
            reader.advance()
            var line = reader
            line.skipBlanks()
            if line.take("[") {
                _ = line.take("[")
                if line.current?.isBare == true { return }
            } else if !line.take(while: { $0.isBare || $0 == "." }).isEmpty {
                line.skipBlanks()
                if line.current == "=" { return }
            }
        }
    }

    // MARK: Statements

    private static func name(_ parts: [TOMLKeyPart]) -> String { parts.map(\.name).joined(separator: ".") }

    private mutating func header() throws(TOMLSyntaxError) -> (parts: [TOMLKeyPart], isElement: Bool) {
        reader.advance()
        let isElement = reader.take("[")
        reader.skipBlanks()
        let parts = try dottedKey()
        guard reader.take("]"), !isElement || reader.take("]") else {
            throw expected(isElement ? "]]" : "]")
        }
        return (parts, isElement)
    }

    /// Up to the scalar after the name and the blanks that follow it.
    mutating func dottedKey() throws(TOMLSyntaxError) -> [TOMLKeyPart] {
        var parts: [TOMLKeyPart] = []
        repeat {
            reader.skipBlanks()
            let position = reader.position
            guard parts.count < Self.maximumDepth else {
                throw TOMLSyntaxError("the name has too many parts", at: position)
            }
            if reader.current == "\"" || reader.current == "'" {
                guard !reader.starts(with: "\"\"\""), !reader.starts(with: "'''") else {
                    throw TOMLSyntaxError("a name cannot be a string of several lines", at: position)
                }
                parts.append(TOMLKeyPart(name: try string(), position: position))
            } else {
                let name = reader.take { $0.isBare }
                guard !name.isEmpty else { throw expected("a name") }
                parts.append(TOMLKeyPart(name: name, position: position))
            }
            reader.skipBlanks()
        } while reader.take(".")
        return parts
    }

    mutating func assignedValue() throws(TOMLSyntaxError) -> TOMLNode {
        guard reader.take("=") else { throw expected("=") }
        reader.skipBlanks()
        return try value()
    }

    // MARK: Between values

    /// Blanks, comments and ends of lines.
    mutating func skipLines() throws(TOMLSyntaxError) {
        while let next = reader.current {
            switch next {
            case " ", "\t", "\n": reader.advance()
            case "\r":
                guard reader.peek(1) == "\n" else { throw controlCharacter }
                reader.advance()
            case "#": try comment()
            default: return
            }
        }
    }

    private mutating func endOfLine() throws(TOMLSyntaxError) {
        reader.skipBlanks()
        if reader.current == "#" { try comment() }
        if reader.starts(with: "\r\n") { reader.advance() }
        guard reader.current == nil || reader.take("\n") else { throw expected("the end of the line") }
    }

    private mutating func comment() throws(TOMLSyntaxError) {
        while let next = reader.current, next != "\n" {
            if next == "\r", reader.peek(1) == "\n" { return }
            if next.isControl { throw controlCharacter }
            reader.advance()
        }
    }

    var controlCharacter: TOMLSyntaxError {
        TOMLSyntaxError("a control character is not allowed here", at: reader.position)
    }

    /// Shows one character of what is there instead, so that of a password without quotes no more is told.
    func expected(_ what: String) -> TOMLSyntaxError {
        let found =
            switch reader.current {
            case nil: "the end of the file"
            case "\n", "\r": "the end of the line"
            case let next?: "\(next.isControl ? "a control character" : "'\(next)'")"
            }
        return TOMLSyntaxError("\(what) was expected, not \(found)", at: reader.position)
    }
}
