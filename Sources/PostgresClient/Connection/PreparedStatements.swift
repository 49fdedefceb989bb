internal import JSONText

/// The prepared statements that one connection has, bounded: the one that was used least lately goes first.
struct PreparedStatements {
    struct Key: Hashable {
        private let exactSQL: ExactText
        private let exactPlanKey: ExactText

        init(sql: String, planKey: String) {
            exactSQL = ExactText(sql)
            exactPlanKey = ExactText(planKey)
        }

        var sql: String { exactSQL.text }
        var planKey: String { exactPlanKey.text }
    }

    struct Statement {
        let name: String
        /// The parameters' types, once they were asked for.
        var parameterTypes: [UInt32]?
        fileprivate var lastUse: UInt64
    }

    private var statements: [Key: Statement] = [:]
    /// Forgotten here, and not known to be gone from the server: what should have told it may have failed.
    private var evicted: Set<String> = []
    private let limit: Int
    private var uses: UInt64 = 0
    private var names: UInt64 = 0

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    var count: Int { statements.count }

    mutating func statement(for key: Key) -> Statement? {
        guard var statement = statements[key] else { return nil }
        uses += 1
        statement.lastUse = uses
        statements[key] = statement
        return statement
    }

    mutating func nextName() -> String {
        names += 1
        return "cistern_\(names)"
    }

    /// Names to deallocate before another statement is added.
    mutating func makeRoom() -> [String] {
        while statements.count >= limit, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            statements[oldest.key] = nil
            evicted.insert(oldest.value.name)
        }
        return evicted.sorted()
    }

    /// The server has deallocated it.
    mutating func deallocated(_ name: String) {
        evicted.remove(name)
    }

    mutating func add(_ key: Key, name: String) {
        uses += 1
        statements[key] = Statement(name: name, parameterTypes: nil, lastUse: uses)
    }

    mutating func describe(_ key: Key, parameterTypes: [UInt32]) {
        statements[key]?.parameterTypes = parameterTypes
    }

    mutating func removeAll() {
        statements = [:]
        evicted = []
    }
}
