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

        /// Bytes.
        var cost: Int { template.text.utf8.count + (searchPath?.text.utf8.count ?? 0) + 256 }

        var settings: [(name: String, value: String)] {
            searchPath.map { [(name: "search_path", value: $0.text)] } ?? []
        }
    }

    private struct State {
        var known: BoundedTable<ExactText, KnownStatement>
        var facts: BoundedTable<FactsKey, StatementFacts>
        var writeFacts: BoundedTable<FactsKey, WriteFacts>
        var questions: [FactsKey: Task<StatementFacts, any Error>] = [:]
    }

    /// On average; where statements are longer, fewer are remembered.
    private static let bytesPerStatement = 8 << 10

    private let state: Mutex<State>
    private let version = Atomic<UInt64>(0)
    private let analyzer: SQLAnalyzer

    init(limit: Int, analyzer: SQLAnalyzer) {
        let bytes = limit.multipliedReportingOverflow(by: Self.bytesPerStatement)
        let costLimit = bytes.overflow ? .max : bytes.partialValue
        state = Mutex(
            State(
                known: BoundedTable(limit: limit, costLimit: costLimit),
                facts: BoundedTable(limit: limit, costLimit: costLimit),
                writeFacts: BoundedTable(limit: limit, costLimit: costLimit)
            )
        )
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
            // The text itself, and the three forms of it that its shape has.
            state.known.insert(statement, for: ExactText(sql), cost: 4 * sql.utf8.count + 1024)
            return statement
        }
    }

    /// What the server says of a statement under a search path.
    ///
    /// - Throws: what the source throws; a failure is forgotten. `CancellationError` when the asker's task is cancelled.
    func facts(
        of statement: KnownStatement,
        searchPath: String?,
        from source: some CatalogSource
    ) async throws -> (StatementFacts, schemaVersion: UInt64) {
        let key = key(of: statement, searchPath)
        let known = state.withLock { state -> (StatementFacts?, Task<StatementFacts, any Error>?) in
            if let facts = state.facts.value(for: key) { return (facts, nil) }
            if let question = state.questions[key] { return (nil, question) }
            let question = Task { try await self.learn(key, of: statement, from: source) }
            state.questions[key] = question
            return (nil, question)
        }
        if let facts = known.0 { return (facts, key.schemaVersion) }
        guard let question = known.1 else { preconditionFailure("neither facts nor a question for them") }
        return (try await question.valueUnlessCancelled, key.schemaVersion)
    }

    private func key(of statement: KnownStatement, _ searchPath: String?) -> FactsKey {
        FactsKey(
            template: ExactText(statement.shape.template),
            searchPath: searchPath.map { ExactText($0) },
            schemaVersion: schemaVersion
        )
    }

    /// What the catalogs prove of a statement that changes rows.
    ///
    /// - Throws: what the source throws; a failure is forgotten.
    func writeFacts(
        of statement: KnownStatement,
        searchPath: String?,
        from source: some CatalogSource
    ) async throws -> WriteFacts {
        if statement.shape.changedRelation == nil { return .unproved }
        let key = key(of: statement, searchPath)
        if let facts = state.withLock({ $0.writeFacts.value(for: key) }) { return facts }
        let facts = try await analyzer.writeFacts(for: statement.shape, settings: key.settings, from: source)
        state.withLock { $0.writeFacts.insert(facts, for: key, cost: key.cost) }
        return facts
    }

    /// Runs in a task of its own: one asker who gives up does not end it for the others. It ends with its answer, which
    /// the source's own time-out bounds.
    private func learn(
        _ key: FactsKey,
        of statement: KnownStatement,
        from source: some CatalogSource
    ) async throws -> StatementFacts {
        do {
            let facts = try await analyzer.facts(for: statement.shape, settings: key.settings, from: source)
            state.withLock { state in
                state.questions[key] = nil
                state.facts.insert(facts, for: key, cost: key.cost)
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
        state.withLock { state in
            state.facts.removeAll()
            state.writeFacts.removeAll()
        }
    }
}

extension Task where Failure == any Error {
    /// Its value, waited for no longer than the waiting task is cancelled; this one goes on.
    fileprivate var valueUnlessCancelled: Success {
        get async throws {
            let (results, sink) = AsyncStream.makeStream(of: Result<Success, any Error>.self)
            Task<Void, Never> {
                sink.yield(await result)
                sink.finish()
            }
            for await result in results { return try result.get() }
            throw _Concurrency.CancellationError()
        }
    }
}
