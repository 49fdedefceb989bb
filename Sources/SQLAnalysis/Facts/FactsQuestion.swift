internal import JSONText

/// The questions that the server is asked about a statement that reads, and the sense of the answers.
///
/// In one transaction, which is rolled back, and without creating anything, so that a standby answers too:
///
/// 1. PREPARE analyses the statement, expands its views and locks every relation that this brought up; nothing is
///    planned or run, so nothing in it is evaluated. The prepared statement is dropped at once; the locks stay. Should
///    PREPARE fail, nothing is left; DEALLOCATE right behind it cannot fail, and the name is used by nobody else.
/// 2. What is locked is noted in a setting of the transaction *before* any catalog is read by these questions: it is
///    then exactly what the statement reads, catalogs included. `pg_lock_status()` is what `pg_locks` shows, without
///    the lock on that view. The search path is noted too, and then taken away, so that no name below means anything
///    else.
/// 3. The relations, with their inherited children, are judged.
/// 4. The functions are judged: by name for those in the text, the worst of all overloads that the text can mean; by
///    OID for those in the rules of the views.
/// 5. What conversions at run time convert is looked up.
/// 6. Where the text pins the rows that it reads, the key of the table is looked up.
struct FactsQuestion {
    private let shape: StatementShape
    private let name: String
    /// The functions from which conversions take their values; the answers tell them by their place.
    private let sourceCalls: [StatementUses.Call]

    init(_ shape: StatementShape) {
        self.shape = shape
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        name = "cistern_facts_" + String(repeating: "0", count: 16 - digits.count) + digits
        sourceCalls = Array(shape.uses.conversions.reduce(into: Set()) { $0.formUnion($1.source.calls) })
    }

    var statements: [CatalogStatement] {
        let always = [
            CatalogStatement(sql: Self.preparation(name) + shape.statement),
            CatalogStatement(sql: "DEALLOCATE \(name)"),
            CatalogStatement(sql: Self.noteLocks),
            CatalogStatement(sql: Self.useCatalogs),
            CatalogStatement(sql: Self.relations),
            CatalogStatement(
                sql: Self.functions,
                parameters: [calls(shape.uses.calls), fields, operators, types, SettingDependentFunctions.list]
            ),
            CatalogStatement(
                sql: Self.conversions,
                parameters: [types, columns, calls(sourceCalls), calls(shape.uses.calls)]
            ),
        ]
        return shape.restrictions.isEmpty ? always : always + [CatalogStatement(sql: Self.rowKey)]
    }

    static func preparation(_ name: String) -> String { "PREPARE \(name) AS " }

    // MARK: Parameters

    private var conversions: [StatementUses.Conversion] { shape.uses.conversions }

    private func calls(_ calls: [StatementUses.Call]) -> String {
        JSONValue.array(
            calls.map { call in
                .object(call.name.members + [("arity", call.arity.map { .number(String($0)) } ?? .null)])
            }
        ).jsonText
    }

    private var fields: String { JSONValue.array(shape.uses.fields.map { .string($0) }).jsonText }

    private var operators: String {
        JSONValue.array(shape.uses.operators.map { .object($0.members) }).jsonText
    }

    /// The types that the text names, and as `conversion` those to which something is converted at run time.
    private var types: String {
        let named = shape.uses.types.map { JSONValue.object($0.members) }
        let converted = conversions.enumerated().map { index, conversion in
            JSONValue.object(conversion.type.members + [("conversion", .number(String(index)))])
        }
        return JSONValue.array(named + converted).jsonText
    }

    private var columns: String {
        let names = conversions.reduce(into: Set<String>()) { $0.formUnion($1.source.columns) }
        return JSONValue.array(names.map { .string($0) }).jsonText
    }

    // MARK: Answers

    /// - Parameter rows: of ``statements``, in their order.
    func facts(from rows: [[[String?]]]) -> StatementFacts {
        let findings = rows.dropFirst(4).prefix(3).joined().compactMap { row -> Finding? in
            guard row.count == 2, let kind = row[0], let name = row[1] else { return nil }
            return Finding(kind: kind, name: name)
        }
        let tables = Set(findings.lazy.filter { $0.kind == "table" }.map(\.name)).sorted()
        let isComplete = rows.count == statements.count
        var facts = StatementFacts(
            tables: tables,
            readsUnknown: !isComplete || findings.contains { $0.kind == "opaque" },
            cacheability: isComplete ? cacheability(findings) : .bypass(reason: "unsupported_statement:unknown")
        )
        if rows.count == 8, let key = rows[7].first, key.count == 2, tables.count == 1, !facts.readsUnknown {
            facts.rowKey = RowKey(kind: key[0], column: key[1])
        }
        return facts
    }

    private struct Finding {
        var kind: String
        var name: String
    }

    private func cacheability(_ findings: [Finding]) -> Cacheability {
        if case .bypass = shape.bypass { return shape.bypass }
        for kind in Self.reasons {
            guard let finding = findings.first(where: { $0.kind == kind }) else { continue }
            if kind == "locking_clause" { return .bypass(reason: kind) }
            if Self.clocks.contains(finding.name), kind == "stable_function" {
                return .bypass(reason: "time_dependent:\(finding.name)")
            }
            return .bypass(reason: "\(kind):\(finding.name)")
        }
        return movingConversion(findings).map { .bypass(reason: "time_dependent:\($0)") } ?? .cacheable
    }

    /// The first type to which something is converted that may be a text.
    private func movingConversion(_ findings: [Finding]) -> String? {
        let moving = Set(findings.lazy.filter { $0.kind == "conversion" }.map(\.name))
        let columns = Set(findings.lazy.filter { $0.kind == "column" }.map(\.name))
        let answers = Set(findings.lazy.filter { $0.kind == "answer" }.map(\.name))
        let calls = Dictionary(uniqueKeysWithValues: sourceCalls.enumerated().map { ($1, String($0)) })
        for (index, conversion) in conversions.enumerated() where moving.contains(String(index)) {
            let source = conversion.source
            let isKnown =
                !source.isUnknown && source.columns.isSubset(of: columns)
                && source.calls.allSatisfy { call in calls[call].map { answers.contains($0) } ?? false }
            if !isKnown { return conversion.type.name }
        }
        return nil
    }

    /// The plainest first.
    private static let reasons = [
        "temporary_table", "system_catalog", "foreign_table", "row_security", "locking_clause", "system_column",
        "volatile_function", "stable_function", "time_dependent",
    ]

    private static let clocks: Set<String> = ["now", "transaction_timestamp", "statement_timestamp"]
}

extension StatementUses.Name {
    fileprivate var members: [(key: String, value: JSONValue)] {
        [("schema", schema.map { .string($0) } ?? .null), ("name", .string(name))]
    }
}

extension StatementShape {
    /// Where in a text of this shape PostgreSQL found a fault, from where it found it when it was asked for facts. In
    /// characters from 1; nil where the fault is none of the text's.
    package func position(inText sql: String, ofFactsPosition position: Int) -> Int? {
        let before = FactsQuestion.preparation("cistern_facts_0123456789abcdef").unicodeScalars.count
        guard position > before, let start = sql.firstRange(of: statement)?.lowerBound else { return nil }
        return position - before + sql.unicodeScalars.distance(from: sql.startIndex, to: start)
    }
}
