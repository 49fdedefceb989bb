/// Two forms of a statement, written from its tokens.
///
/// - `canonical`: comments and spacing gone, keywords and unquoted names folded, everything else as it was. Between the
///   tokens stands what is needed to read them back, so different token sequences never give the same text.
/// - `template`: the same with a sign of its kind for each constant. A kind is what PostgreSQL tells types by before it
///   looks at the value: `1`, `3000000000`, `1.5`, `'1'`, `b'1'` and `x'1'` are six.
struct CanonicalText {
    private(set) var canonical = TokenWriter()
    private(set) var template = TokenWriter()

    init(_ tokens: [Token], in text: SQLText) {
        let plain = PlainNames(tokens, in: text)
        var previous = Token()
        for token in tokens[Self.statement(tokens)] {
            // Newer servers read `0x1F` and `1_000` as numbers, this scanner as a number and a name behind it.
            let isJoined = previous.isNumber && token.start == previous.end
            previous = token
            let bytes = text.bytes(of: token)
            let (form, glue) = Self.form(token, bytes, plain)
            canonical.write(form, glue, isJoined)
            if let sign = Self.sign(token, bytes) {
                template.write(sign, .other, isJoined)
            } else {
                template.write(form, glue, isJoined)
            }
        }
    }

    /// A `;` before or behind a single statement says nothing.
    private static func statement(_ tokens: [Token]) -> Range<Int> {
        var range = tokens.indices
        while let last = range.last, tokens[last].isCharacter(";") { range = range.lowerBound..<last }
        while let first = range.first, tokens[first].isCharacter(";") { range = (first + 1)..<range.upperBound }
        return range
    }

    private static func form(
        _ token: Token,
        _ bytes: ArraySlice<UInt8>,
        _ plain: PlainNames
    ) -> ([UInt8], TokenWriter.Glue) {
        if token.isKeyword {
            // In N'…' the scanner gives the N alone, which written by itself would be a name.
            if bytes.count == 1 { return (Array("nchar".utf8), .keyword) }
            return (bytes.folded, .keyword)
        }
        switch token.symbol {
        case Token.Symbol.identifier:
            if bytes.first == UInt8(ascii: "\"") {
                let inner = bytes.dropFirst().dropLast()
                return (plain.contains(inner) ? Array(inner) : Array(bytes), .name)
            }
            return (bytes.folded, .name)
        case Token.Symbol.string: return (StringConstant.canonical(bytes), .other)
        case Token.Symbol.unicodeIdentifier, Token.Symbol.unicodeString:
            return (Array(bytes.prefix(through: bytes.lastIndex { !$0.isSpace } ?? bytes.startIndex)), .other)
        case Token.Symbol.float, Token.Symbol.bitString, Token.Symbol.hexadecimalString: return (bytes.folded, .other)
        case Token.Symbol.parameter: return (parameter(bytes), .other)
        case Token.Symbol.typeCast: return (Array(bytes), .cast)
        // `!=` is another spelling of `<>`.
        case Token.Symbol.notEquals: return (Array("<>".utf8), .other)
        case ..<256: return (Array(bytes), .character(UInt8(token.symbol)))
        default: return (Array(bytes), .other)
        }
    }

    /// `$007` is `$7`.
    private static func parameter(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let digits = bytes.dropFirst().drop { $0 == UInt8(ascii: "0") }
        return [UInt8(ascii: "$")] + (digits.isEmpty ? [UInt8(ascii: "0")] : Array(digits))
    }

    /// What stands for a constant in the template.
    private static func sign(_ token: Token, _ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        switch token.symbol {
        case Token.Symbol.integer: return Array("?int".utf8)
        case Token.Symbol.string, Token.Symbol.unicodeString: return Array("?text".utf8)
        case Token.Symbol.bitString: return Array("?bit".utf8)
        case Token.Symbol.hexadecimalString: return Array("?hex".utf8)
        case Token.Symbol.float:
            guard let number = Int64(String(decoding: bytes, as: UTF8.self)) else { return Array("?numeric".utf8) }
            // Behind a minus sign this one number is an int4.
            return number == 2_147_483_648 ? nil : Array("?bigint".utf8)
        default: return nil
        }
    }
}

/// Joins tokens to text, with a space between two of them unless both are clearly apart without.
struct TokenWriter {
    enum Glue: Equatable {
        case name
        case keyword
        case cast
        case character(UInt8)
        case other
    }

    private(set) var bytes: [UInt8] = []
    private var previous: Glue?
    /// The dot before was joined to a name before it.
    private var isQualified = false

    mutating func write(_ token: [UInt8], _ glue: Glue, _ isJoined: Bool) {
        if !isJoined || glue != .name && glue != .keyword, needsSpace(before: glue) { bytes.append(UInt8(ascii: " ")) }
        isQualified = glue == .character(UInt8(ascii: ".")) && previous != nil && !needsSpace(before: glue)
        bytes.append(contentsOf: token)
        previous = glue
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    private func needsSpace(before glue: Glue) -> Bool {
        guard let previous else { return false }
        switch (previous, glue) {
        case (.character(UInt8(ascii: "(")), _), (.character(UInt8(ascii: "[")), _), (.cast, _), (_, .cast),
            (_, .character(UInt8(ascii: ")"))), (_, .character(UInt8(ascii: "]"))),
            (_, .character(UInt8(ascii: ","))), (_, .character(UInt8(ascii: ";"))):
            return false
        case (.name, .character(UInt8(ascii: "("))), (.name, .character(UInt8(ascii: "."))),
            (.name, .character(UInt8(ascii: "["))), (.keyword, .character(UInt8(ascii: "."))),
            (.character(UInt8(ascii: ")")), .character(UInt8(ascii: "."))),
            (.character(UInt8(ascii: "]")), .character(UInt8(ascii: "."))):
            return false
        case (.character(UInt8(ascii: ".")), .name), (.character(UInt8(ascii: ".")), .keyword),
            (.character(UInt8(ascii: ".")), .character(UInt8(ascii: "*"))):
            return !isQualified
        default:
            return true
        }
    }
}

/// The quoted names of a statement that mean the same without their quotes: lower-case, and no keywords.
private struct PlainNames {
    private var names: Set<ArraySlice<UInt8>> = []

    init(_ tokens: [Token], in text: SQLText) {
        var candidates: Set<ArraySlice<UInt8>> = []
        for token in tokens where token.symbol == Token.Symbol.identifier {
            let bytes = text.bytes(of: token)
            guard bytes.first == UInt8(ascii: "\"") else { continue }
            let inner = bytes.dropFirst().dropLast()
            if inner.isPlainName { candidates.insert(inner) }
        }
        guard !candidates.isEmpty else { return }
        // The scanner knows its keywords: what it takes for a plain name unquoted is one.
        let list = SQLText(bytes: Array(candidates.joined(separator: [UInt8(ascii: " ")])))
        for token in list.scanned()?.tokens ?? [] where token.symbol == Token.Symbol.identifier && !token.isKeyword {
            names.insert(list.bytes(of: token))
        }
    }

    func contains(_ name: ArraySlice<UInt8>) -> Bool { names.contains(name) }
}

/// String constants, whose many spellings are one value.
enum StringConstant {
    /// The value in plain quotes, whatever the spelling. A constant with a backslash stays as it is written: what it
    /// means depends on its kind and on a setting.
    static func canonical(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard !bytes.contains(UInt8(ascii: "\\")) else { return Array(bytes) }
        let value: [UInt8]?
        switch bytes.first {
        case UInt8(ascii: "'"): value = quoted(bytes)
        case UInt8(ascii: "e"), UInt8(ascii: "E"): value = quoted(bytes.dropFirst())
        case UInt8(ascii: "$"): value = dollarQuoted(bytes)
        default: value = nil
        }
        guard let value else { return Array(bytes) }
        var form = [UInt8(ascii: "'")]
        for byte in value {
            form.append(byte)
            if byte == UInt8(ascii: "'") { form.append(byte) }
        }
        form.append(UInt8(ascii: "'"))
        return form
    }

    private static func dollarQuoted(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        guard let end = bytes.dropFirst().firstIndex(of: UInt8(ascii: "$")) else { return nil }
        let tag = end - bytes.startIndex + 1
        guard bytes.count >= 2 * tag else { return nil }
        return Array(bytes.dropFirst(tag).dropLast(tag))
    }

    /// Inside quotes, where two of them stand for one. Pieces that only a line break parts are one constant; such a
    /// constant is left as it is written where more than spaces stands between its pieces.
    private static func quoted(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        let quote = UInt8(ascii: "'")
        var value: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard bytes[index] == quote else { return nil }
            index += 1
            while true {
                guard index < bytes.endIndex else { return nil }
                if bytes[index] != quote {
                    value.append(bytes[index])
                    index += 1
                } else if index + 1 < bytes.endIndex, bytes[index + 1] == quote {
                    value.append(quote)
                    index += 2
                } else {
                    index += 1
                    break
                }
            }
            while index < bytes.endIndex, bytes[index].isSpace { index += 1 }
        }
        return value
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension ArraySlice<UInt8> {
    /// ASCII letters in lower case, as PostgreSQL folds names.
    fileprivate var folded: [UInt8] {
        map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
    }

    /// Lower-case letters, digits and underscores, not beginning with a digit.
    fileprivate var isPlainName: Bool {
        guard let first, first == UInt8(ascii: "_") || first &- UInt8(ascii: "a") < 26, count < 64 else { return false }
        return allSatisfy {
            $0 == UInt8(ascii: "_") || $0 &- UInt8(ascii: "a") < 26 || $0 &- UInt8(ascii: "0") < 10
        }
    }
}
