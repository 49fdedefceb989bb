/// A token of a statement, as PostgreSQL's own scanner tells it.
struct Token {
    /// The scanner's numbers: a character's own code for one-character operators and punctuation, the grammar's symbol
    /// for everything else. Those of keywords change with the version of the grammar, so keywords are told by their
    /// text.
    enum Symbol {
        static let identifier = 258
        static let unicodeIdentifier = 259
        static let float = 260
        static let string = 261
        static let unicodeString = 262
        static let bitString = 263
        static let hexadecimalString = 264
        static let operatorName = 265
        static let integer = 266
        static let parameter = 267
        static let typeCast = 268
        static let notEquals = 274
        static let lineComment = 275
        static let blockComment = 276
    }

    /// Bytes from the start of the text.
    var start = 0
    var end = 0
    var symbol = 0
    var isKeyword = false

    var isComment: Bool { symbol == Symbol.lineComment || symbol == Symbol.blockComment }

    var isNumber: Bool { symbol == Symbol.integer || symbol == Symbol.float || symbol == Symbol.parameter }

    /// `U&"…"` or `U&'…'`.
    var isUnicode: Bool { symbol == Symbol.unicodeIdentifier || symbol == Symbol.unicodeString }

    /// Whether it is this one character.
    func isCharacter(_ character: Unicode.Scalar) -> Bool { symbol == Int(character.value) }
}

/// Reads the little of the protobuf encoding in which the scanner answers.
struct TokenReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// All tokens, comments among them; nil where the answer is not what was expected.
    mutating func tokens() -> [Token]? {
        var tokens: [Token] = []
        while offset < bytes.count {
            guard let tag = varint() else { return nil }
            // The message's second field, repeated, is a token; the first is a version.
            if tag == 2 << 3 | 2 {
                guard let length = varint(), length <= bytes.count - offset, let token = token(length: length) else {
                    return nil
                }
                // The scanner tells a wrong end of these two; what stands between them and the next token is part of
                // them.
                if let last = tokens.last, last.isUnicode { tokens[tokens.count - 1].end = token.start }
                tokens.append(token)
            } else {
                guard tag & 7 == 0, varint() != nil else { return nil }
            }
        }
        return tokens
    }

    private mutating func token(length: Int) -> Token? {
        var token = Token()
        let end = offset + length
        while offset < end {
            guard let tag = varint(), tag & 7 == 0, let value = varint() else { return nil }
            switch tag >> 3 {
            case 1: token.start = value
            case 2: token.end = value
            case 4: token.symbol = value
            case 5: token.isKeyword = value != 0
            default: break
            }
        }
        return token.start <= token.end ? token : nil
    }

    private mutating func varint() -> Int? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 63 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int(exactly: value) }
            shift += 7
        }
        return nil
    }
}
