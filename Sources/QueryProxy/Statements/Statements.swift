internal import JSONText
internal import SQLAnalysis
internal import Synchronization

/// Remembers what statements are.
///
/// Three tables, each bounded: texts as they were sent (a look-up by the text costs no parsing), facts by template and
/// search path (a text with other constants needs no new question to the server), and the questions under way, so that
/// many first requests for one template ask the server once.
///
/// Facts are valid until the schema changes: ``forgetFacts()`` raises `schemaVersion`, and whatever was learned before is
/// no longer found, questions under way included, since they carry the version at which they began.
final class Statements: Sendable {
    private struct FactsKey: Hashable {
        let template: ExactText
        let searchPath: ExactText?
        let schemaVersion: UInt64
    }

    private struct State {
        var known: BoundedTable<ExactText, KnownStatement>
        var facts: BoundedTable<FactsKey, StatementFacts>
        var questions: [FactsKey: Task<StatementFacts, any Error>] = [:]
    }

    private let state: Mutex<State>
    private let version = Atomic<UInt64>(0)
    private let analyzer: SQLAnalyzer

    init(limit: Int, analyzer: SQLAnalyzer) {
        state = Mutex(State(known: BoundedTable(limit: limit), facts: BoundedTable(limit: limit)))
        self.analyzer = analyzer
    }

    var schemaVersion: UInt64 { version.load(ordering: .acquiring) }

    var count: Int { state.withLock { $0.known.count } }

    /// The statement, if its text has been seen. Never waits.
    func known(_ sql: String) -> KnownStatement? {
        state.withLock { $0.known.value(for: ExactText(sql)) }
    }

    /// The statement, analysed if need be.
    func statement(_ sql: String) async -> KnownStatement {
        if let statement = known(sql) { return statement }
        let statement = KnownStatement(shape: await analyzer.shape(of: sql))
        return state.withLock { state in
            if let earlier = state.known.value(for: ExactText(sql)) { return earlier }
            state.known.insert(statement, for: ExactText(sql))
            return statement
        }
    }

    /// What the server says of a statement under a search path.
    ///
    /// - Throws: what the source throws; a failure is forgotten.
    func facts(
        of statement: KnownStatement,
        searchPath: String?,
        from source: some CatalogSource
    ) async throws -> (StatementFacts, schemaVersion: UInt64) {
        let key = FactsKey(
            template: ExactText(statement.shape.template),
            searchPath: searchPath.map { ExactText($0) },
            schemaVersion: schemaVersion
        )
        let known = state.withLock { state -> (StatementFacts?, Task<StatementFacts, any Error>?) in
            if let facts = state.facts.value(for: key) { return (facts, nil) }
            if let question = state.questions[key] { return (nil, question) }
            let question = Task { try await self.learn(key, of: statement, from: source) }
            state.questions[key] = question
            return (nil, question)
        }
        if let facts = known.0 { return (facts, key.schemaVersion) }
        guard let question = known.1 else { preconditionFailure("neither facts nor a question for them") }
        return (try await question.value, key.schemaVersion)
    }

    /// Runs in a task of its own: one asker who gives up does not end it for the others. It ends with its answer, which
    /// the source's own time-out bounds.
    private func learn(
        _ key: FactsKey,
        of statement: KnownStatement,
        from source: some CatalogSource
    ) async throws -> StatementFacts {
        let settings = key.searchPath.map { [(name: "search_path", value: $0.text)] } ?? []
        do {
            let facts = try await analyzer.facts(for: statement.shape, settings: settings, from: source)
            state.withLock { state in
                state.questions[key] = nil
                state.facts.insert(facts, for: key)
            }
            return facts
        } catch {
            state.withLock { $0.questions[key] = nil }
            throw error
        }
    }

    /// The schema may have changed.
    func forgetFacts() {
        version.add(1, ordering: .acquiringAndReleasing)
        state.withLock { $0.facts.removeAll() }
    }
}
