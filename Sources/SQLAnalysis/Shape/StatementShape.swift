/// What a statement's text alone tells.
package struct StatementShape: Sendable {
    package enum Kind: Sendable, Equatable {
        case read
        case write
        /// It only makes sense in a session. `advice` is a clause that says what to use instead.
        case refused(name: String, advice: String)
        case multiple
        case empty
        /// PostgreSQL's grammar, as it was built in, refuses the text, or it is nested too deeply to be looked at.
        case unparsed
    }

    package var kind: Kind
    /// Equal for two texts only if PostgreSQL gives both the same answer.
    package var canonicalText: String
    /// Equal for two texts only if the server says the same of both.
    package var template: String
    /// In hexadecimal; equal for texts that differ in constants alone. Empty for a text that was not parsed or is
    /// large.
    package var fingerprint = ""
    /// `schema.name` or `name` as the text names them, in its order, each once; names of common table expressions are
    /// left out.
    package var relations: [String] = []
    /// `schema.name` or `name` of the functions that the text calls, in its order, each once.
    package var functions: [String] = []
    /// The numbers of the `$n` that it uses, ascending.
    package var parameterNumbers: [Int] = []
    /// It may change definitions, rights or settings.
    package var changesSchema = false
    package var canRunInTransaction = true
    /// Of a refused statement: it may stand in a transaction of one request, with which it ends.
    package var isAllowedInTransaction = false
    /// What the text alone says against caching; the server may say more.
    package var bypass: Cacheability = .cacheable

    /// A plain query, which the server can be asked about.
    var isQuery = false
    /// The table, quoted, whose rows an INSERT, UPDATE or DELETE without WITH changes.
    package var changedRelation: String?
    /// What the text says of the rows that the statement touches.
    var restrictions: [RowRestriction] = []
    /// What the server is asked about.
    var uses = StatementUses()
    /// The statement without what stands before and behind it.
    var statement = ""

    init(kind: Kind, text: String) {
        self.kind = kind
        canonicalText = text
        template = text
    }
}

/// Whether an answer may be stored.
package enum Cacheability: Sendable, Equatable {
    case cacheable
    /// `reason` is one of the protocol's words, with the culprit behind a colon.
    case bypass(reason: String)

    package var reason: String? {
        if case .bypass(let reason) = self { reason } else { nil }
    }
}
