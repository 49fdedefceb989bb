// How values are written.

extension TOMLParser {
    mutating func value() throws(TOMLSyntaxError) -> TOMLNode {
        let position = reader.position
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw TOMLSyntaxError("the value is nested too deeply", at: position) }
        let value: TOMLNode.Value =
            switch reader.current {
            case "\"", "'": .string(try string())
            case "[": .array(try array())
            case "{": .table(try inlineTable())
            default: try bareValue()
            }
        return TOMLNode(value: value, position: position)
    }

    private mutating func array() throws(TOMLSyntaxError) -> [TOMLNode] {
        reader.advance()
        var nodes: [TOMLNode] = []
        while true {
            try skipLines()
            if reader.take("]") { return nodes }
            nodes.append(try value())
            try skipLines()
            guard reader.take(",") || reader.current == "]" else { throw expected("a comma or ]") }
        }
    }

    private mutating func inlineTable() throws(TOMLSyntaxError) -> [TOMLEntry] {
        reader.advance()
        let table = TOMLTable(origin: .header)
        reader.skipBlanks()
        if reader.take("}") { return [] }
        while true {
            let key = try dottedKey()
            try table.insert(try assignedValue(), at: key)
            reader.skipBlanks()
            if reader.take("}") { return table.entries }
            guard reader.take(",") else { throw expected("a comma or }") }
        }
    }

    // MARK: Strings

    /// Any of the four kinds of strings.
    mutating func string() throws(TOMLSyntaxError) -> String {
        let position = reader.position
        let quote: Unicode.Scalar = reader.current == "'" ? "'" : "\""
        let isLong = reader.starts(with: String(repeating: Character(quote), count: 3))
        reader.advance(by: isLong ? 3 : 1)
        // A line's end right after the opening is not part of a long string.
        if isLong, reader.starts(with: "\r\n") { reader.advance(by: 2) } else if isLong { _ = reader.take("\n") }
        var text = String.UnicodeScalarView()
        while let next = reader.current {
            if next == quote, closes(quote, isLong: isLong) {
                // Up to two quotes before the last three belong to a long string.
                for _ in 0..<2 where isLong && reader.peek(3) == quote {
                    text.append(quote)
                    reader.advance()
                }
                reader.advance(by: isLong ? 3 : 1)
                return String(text)
            }
            let isLineEnd = next == "\n" || next == "\r" && reader.peek(1) == "\n"
            if isLineEnd, !isLong { break }
            if next.isControl, !isLineEnd { throw controlCharacter }
            if next == "\\", quote == "\"" {
                if let scalar = try escape(isLong: isLong) { text.append(scalar) }
            } else {
                text.append(next)
                reader.advance()
            }
        }
        throw TOMLSyntaxError("the string is not closed", at: position)
    }

    private func closes(_ quote: Unicode.Scalar, isLong: Bool) -> Bool {
        !isLong || reader.peek(1) == quote && reader.peek(2) == quote
    }

    /// Nil for a backslash that hides the end of its line and the blanks that follow.
    private mutating func escape(isLong: Bool) throws(TOMLSyntaxError) -> Unicode.Scalar? {
        let position = reader.position
        reader.advance()
        let letter = reader.current
        reader.advance()
        switch letter {
        case "b": return "\u{8}"
        case "t": return "\t"
        case "n": return "\n"
        case "f": return "\u{C}"
        case "r": return "\r"
        case "\"": return "\""
        case "\\": return "\\"
        case "u", "U":
            if let scalar = hexadecimal(digits: letter == "u" ? 4 : 8) { return scalar }
        case " ", "\t", "\r", "\n":
            if isLong, skipHiddenLineEnd(after: letter) { return nil }
        default: break
        }
        throw TOMLSyntaxError("no character is written like this; a backslash itself is \\\\", at: position)
    }

    private mutating func hexadecimal(digits: Int) -> Unicode.Scalar? {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let next = reader.current, next.isASCII, let digit = Character(next).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
            reader.advance()
        }
        return Unicode.Scalar(value)
    }

    private mutating func skipHiddenLineEnd(after first: Unicode.Scalar?) -> Bool {
        var sawLineEnd = first == "\n"
        while let next = reader.current {
            switch next {
            case " ", "\t": reader.advance()
            case "\n":
                sawLineEnd = true
                reader.advance()
            case "\r" where reader.peek(1) == "\n": reader.advance()
            default: return sawLineEnd
            }
        }
        return sawLineEnd
    }

    // MARK: Bare values

    /// A number, true or false, a date or a time.
    private mutating func bareValue() throws(TOMLSyntaxError) -> TOMLNode.Value {
        let position = reader.position
        let word = reader.take { $0.isBare || $0 == "+" || $0 == "." || $0 == ":" }
        if word.isEmpty { throw expected("a value") }
        if let value = Self.number(word) { return value }
        if Self.isDate(word) {
            if Self.isDateAlone(word), reader.current == " ", let next = reader.peek(1), ("0"..."9").contains(next) {
                reader.advance()
                _ = reader.take { $0.isBare || $0 == "+" || $0 == "." || $0 == ":" }
            }
            return .other
        }
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: throw TOMLSyntaxError("this is not a value; text needs quotes around it", at: position)
        }
    }

    private static func number(_ word: String) -> TOMLNode.Value? {
        let isSigned = word.first == "+" || word.first == "-"
        let digits = isSigned ? word.dropFirst() : Substring(word)
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) && !isSigned {
            return withoutUnderscores(digits.dropFirst(2), radix: radix).flatMap { Int($0, radix: radix) }.map {
                .integer($0)
            }
        }
        if digits == "inf" { return .float(word.first == "-" ? -.infinity : .infinity) }
        if digits == "nan" { return .float(.nan) }
        guard digits.first?.isNumber == true, let plain = withoutUnderscores(digits, radix: 10) else { return nil }
        let whole = plain.prefix { $0.isNumber }
        guard whole.count == 1 || whole.first != "0" else { return nil }
        let sign = word.first == "-" ? "-" : ""
        if whole.count == plain.count { return Int(sign + plain).map { .integer($0) } }
        guard isFraction(plain.dropFirst(whole.count)), let value = Double(sign + plain), value.isFinite else {
            return nil
        }
        return .float(value)
    }

    /// An underscore stands between two digits.
    private static func withoutUnderscores(_ text: Substring, radix: Int) -> String? {
        let scalars = Array(text.unicodeScalars)
        func isDigit(_ index: Int) -> Bool {
            guard scalars.indices.contains(index) else { return false }
            return Character(scalars[index]).hexDigitValue.map { $0 < radix } ?? false
        }
        for (index, scalar) in scalars.enumerated() where scalar == "_" {
            guard isDigit(index - 1), isDigit(index + 1) else { return nil }
        }
        // `Int` would take a sign after the prefix.
        guard scalars.first != "+", scalars.first != "-" else { return nil }
        return text.filter { $0 != "_" }
    }

    /// `.digits`, `e±digits`, or one after the other.
    private static func isFraction(_ text: Substring) -> Bool {
        var rest = text
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isNumber }
            guard !digits.isEmpty else { return false }
            rest = rest[digits.endIndex...]
        }
        guard rest.first == "e" || rest.first == "E" else { return rest.isEmpty }
        rest = rest.dropFirst()
        if rest.first == "+" || rest.first == "-" { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy(\.isNumber)
    }

    /// Only as closely as it takes to tell a date or a time from a mistake: no key takes either.
    private static func isDate(_ word: String) -> Bool {
        let scalars = Array(word.unicodeScalars)
        let shape = scalars.map { ("0"..."9").contains($0) ? "0" : Character($0) }
        let text = String(shape)
        return text.hasPrefix("0000-00-00") || text.hasPrefix("00:00:00")
    }

    private static func isDateAlone(_ word: String) -> Bool { word.utf8.count == 10 && isDate(word) }
}
