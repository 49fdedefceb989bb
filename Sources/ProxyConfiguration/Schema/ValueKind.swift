/// How the values of a key are read from the file and from an environment variable, and how they are written.
struct ValueKind<Value: Sendable>: Sendable {
    let fromNode: @Sendable (TOMLNode) throws(ValueError) -> Value
    let fromText: @Sendable (String) throws(ValueError) -> Value
    /// TOML; nil for a value that is written by leaving the key out.
    let toTOML: @Sendable (Value) -> String?

    /// A kind whose TOML is a string that says the same as the variable.
    init(
        text: @escaping @Sendable (String) throws(ValueError) -> Value,
        format: @escaping @Sendable (Value) -> String
    ) {
        fromText = text
        fromNode = { node throws(ValueError) in
            guard case .string(let string) = node.value else {
                throw ValueError("must be a string, not \(node.value.kind)")
            }
            return try text(string)
        }
        toTOML = { TOMLText.string(format($0)) }
    }

    init(
        node: @escaping @Sendable (TOMLNode) throws(ValueError) -> Value,
        text: @escaping @Sendable (String) throws(ValueError) -> Value,
        toTOML: @escaping @Sendable (Value) -> String?
    ) {
        fromNode = node
        fromText = text
        self.toTOML = toTOML
    }

    /// The same kind with one more condition, or in another type.
    func map<Other: Sendable>(
        _ read: @escaping @Sendable (Value) throws(ValueError) -> Other,
        write: @escaping @Sendable (Other) -> Value?
    ) -> ValueKind<Other> {
        ValueKind<Other>(
            node: { [fromNode] node throws(ValueError) in try read(try fromNode(node)) },
            text: { [fromText] text throws(ValueError) in try read(try fromText(text)) },
            toTOML: { [toTOML] in write($0).flatMap(toTOML) }
        )
    }

    func checked(_ check: @escaping @Sendable (Value) throws(ValueError) -> Void) -> Self {
        map(
            { value throws(ValueError) in
                try check(value)
                return value
            },
            write: { $0 }
        )
    }
}

extension ValueKind where Value == String {
    static let text = ValueKind(text: { text throws(ValueError) in try checkedText(text) }, format: { $0 })

    private static func checkedText(_ text: String) throws(ValueError) -> String {
        if text.unicodeScalars.contains("\0") { throw ValueError("must not hold a NUL character") }
        return text
    }
}

extension ValueKind where Value == Bool {
    static let bool = ValueKind(
        node: { node throws(ValueError) in
            guard case .boolean(let value) = node.value else {
                throw ValueError("must be true or false, not \(node.value.kind)")
            }
            return value
        },
        text: { text throws(ValueError) in
            guard let value = Bool(text.lowercased()) else { throw ValueError("must be true or false") }
            return value
        },
        toTOML: { "\($0)" }
    )
}

extension ValueKind where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind(
            node: { node throws(ValueError) in
                guard case .integer(let value) = node.value else {
                    throw ValueError("must be a whole number, not \(node.value.kind)")
                }
                return value
            },
            text: { text throws(ValueError) in
                guard let value = Int(text) else { throw ValueError("must be a whole number") }
                return value
            },
            toTOML: { "\($0)" }
        ).checked { value throws(ValueError) in
            guard range.contains(value) else {
                throw ValueError("must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
        }
    }

    static func size(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind(
            node: { node throws(ValueError) in
                switch node.value {
                case .string(let text): return try SizeText.parse(text)
                case .integer(let bytes) where bytes < 0: throw ValueError("must not be negative")
                case .integer(let bytes): return bytes
                default: throw ValueError("must be \(SizeText.forms), not \(node.value.kind)")
                }
            },
            text: { text throws(ValueError) in try SizeText.parse(text) },
            toTOML: { $0 == 0 ? "0" : TOMLText.string(SizeText.format($0)) }
        ).checked { value throws(ValueError) in
            guard range.contains(value) else {
                throw ValueError(
                    "must be from \(SizeText.format(range.lowerBound)) to \(SizeText.format(range.upperBound))"
                )
            }
        }
    }
}

extension ValueKind where Value == Double {
    static func fraction(_ range: ClosedRange<Double>) -> ValueKind {
        ValueKind(
            node: { node throws(ValueError) in
                switch node.value {
                case .float(let value): return value
                case .integer(let value): return Double(value)
                default: throw ValueError("must be a number, not \(node.value.kind)")
                }
            },
            text: { text throws(ValueError) in
                guard let value = Double(text) else { throw ValueError("must be a number") }
                return value
            },
            toTOML: { "\($0)" }
        ).checked { value throws(ValueError) in
            // Not a number is in no range.
            guard range.contains(value) else {
                throw ValueError("must be from \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }
}

extension ValueKind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration> = .zero...DurationText.maximum) -> ValueKind {
        ValueKind(
            node: { node throws(ValueError) in
                switch node.value {
                case .string(let text): return try DurationText.parse(text)
                case .integer(let seconds): return try DurationText.duration(seconds: Int64(seconds))
                case .float(let seconds): return try DurationText.duration(seconds: seconds)
                default: throw ValueError("must be \(DurationText.forms), not \(node.value.kind)")
                }
            },
            text: { text throws(ValueError) in try DurationText.parse(text) },
            toTOML: { TOMLText.string(DurationText.format($0)) }
        ).checked { value throws(ValueError) in
            guard range.contains(value) else {
                throw ValueError(
                    "must be from \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
                )
            }
        }
    }
}

extension ValueKind where Value == [String] {
    /// A list of strings, none twice; in a variable, separated by commas.
    static func list(_ element: @escaping @Sendable (String) throws(ValueError) -> String) -> ValueKind {
        ValueKind(
            node: { node throws(ValueError) in
                guard case .array(let nodes) = node.value else {
                    throw ValueError("must be a list of strings, not \(node.value.kind)")
                }
                var texts: [String] = []
                for (index, node) in nodes.enumerated() {
                    guard case .string(let text) = node.value else {
                        throw ValueError("must be a list of strings, but holds \(node.value.kind)", at: index)
                    }
                    texts.append(text)
                }
                return try elements(texts, element)
            },
            text: { text throws(ValueError) in
                if text.allSatisfy(\.isWhitespace) { return [] }
                return try elements(text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed), element)
            },
            toTOML: { "[\($0.map(TOMLText.string).joined(separator: ", "))]" }
        )
    }

    private static func elements(
        _ texts: [String],
        _ element: (String) throws(ValueError) -> String
    ) throws(ValueError) -> [String] {
        var values: [String] = []
        for (index, text) in texts.enumerated() {
            do throws(ValueError) {
                let value = try element(text)
                if values.contains(value) { throw ValueError("holds \"\(value)\" twice") }
                values.append(value)
            } catch {
                throw ValueError(error.message, at: index)
            }
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text.drop(while: \.isWhitespace))
    }
}

extension ValueKind where Value: RawRepresentable<String> & CaseIterable {
    static func choice() -> ValueKind {
        ValueKind(
            text: { text throws(ValueError) in
                guard let value = Value(rawValue: text) else {
                    let choices = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                    throw ValueError("must be one of \(choices)")
                }
                return value
            },
            format: { $0.rawValue }
        )
    }
}
