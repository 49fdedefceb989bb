/// What a statement uses that only the server can judge. It holds no constants: it is the same for all texts of a
/// template.
struct StatementUses: Sendable {
    /// A name that may be qualified; without a schema it is looked up along the search path.
    struct Name: Sendable, Hashable {
        var schema: String?
        var name: String

        var text: String { schema.map { "\($0).\(name)" } ?? name }
    }

    struct Call: Sendable, Hashable {
        var name: Name
        /// Nil where the number of arguments does not tell the overload.
        var arity: Int?
    }

    /// A conversion at run time, which may read a stored text as a moving moment if it converts to a date or a time.
    struct Conversion: Sendable, Hashable {
        var type: Name
        var source: ConversionSource
    }

    var calls: [Call] = []
    /// `t.f` may call a function `f` of the row `t`.
    var fields: Set<String> = []
    var operators: Set<Name> = []
    /// Types that the text names.
    var types: Set<Name> = []
    var conversions: [Conversion] = []
}

/// What is known of the expression that is converted: if all of it holds, the value is no text.
struct ConversionSource: Sendable, Hashable {
    /// Columns of tables; each must be of a type that is no text.
    var columns: Set<String> = []
    /// Functions; each must answer something that is no text.
    var calls: Set<StatementUses.Call> = []
    /// The expression may be a text for all that can be told.
    var isUnknown = false

    static let unknown = ConversionSource(isUnknown: true)
    static let harmless = ConversionSource()

    func and(_ other: ConversionSource) -> ConversionSource {
        ConversionSource(
            columns: columns.union(other.columns),
            calls: calls.union(other.calls),
            isUnknown: isUnknown || other.isUnknown
        )
    }
}
