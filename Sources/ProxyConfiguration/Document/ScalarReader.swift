/// A text read scalar by scalar, which knows its position.
struct ScalarReader {
    private let scalars: [Unicode.Scalar]
    private(set) var offset = 0
    private(set) var position = SourcePosition()

    init(_ text: String) {
        // A byte order mark takes no column.
        scalars = Array(
            text.unicodeScalars.first == "\u{FEFF}" ? text.unicodeScalars.dropFirst() : text.unicodeScalars[...]
        )
    }

    /// Nil at the end.
    var current: Unicode.Scalar? { peek(0) }

    func peek(_ distance: Int) -> Unicode.Scalar? {
        offset + distance < scalars.count ? scalars[offset + distance] : nil
    }

    func starts(with prefix: String) -> Bool { scalars[offset...].starts(with: prefix.unicodeScalars) }

    mutating func advance() {
        guard let current else { return }
        offset += 1
        if current == "\n" {
            position.line += 1
            position.column = 1
        } else {
            position.column += 1
        }
    }

    mutating func advance(by count: Int) {
        for _ in 0..<count { advance() }
    }

    /// Takes the scalar if it comes next.
    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        advance()
        return true
    }

    /// The scalars up to the first that does not belong.
    mutating func take(while belongs: (Unicode.Scalar) -> Bool) -> String {
        var text = String.UnicodeScalarView()
        while let next = current, belongs(next) {
            text.append(next)
            advance()
        }
        return String(text)
    }

    mutating func skipBlanks() {
        while current == " " || current == "\t" { advance() }
    }
}

extension Unicode.Scalar {
    /// Part of a key that needs no quotes.
    var isBare: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }

    /// What TOML allows nowhere but, as a line's end, between statements. A tab is no such thing.
    var isControl: Bool { self < " " && self != "\t" || self == "\u{7F}" }
}
