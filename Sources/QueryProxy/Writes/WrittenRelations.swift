internal import PostgresClient
internal import QueryCache

/// What a transaction wrote, as PostgreSQL's lock table tells just before COMMIT.
///
/// Whoever changes a relation's rows or its definition holds a lock of at least `ROW EXCLUSIVE` on it until the
/// transaction ends; so the list has the tables that triggers, cascades, rules and functions changed, and not those that
/// only a savepoint since rolled back had touched. A relation that is locked but has no row in `pg_class` has been dropped
/// by this transaction: nothing can be said of it, so everything counts as changed.
struct WrittenRelations: Equatable {
    /// Qualified names, partitions as their roots; sorted.
    var tables: [String] = []
    /// The tags of all rows that were changed of the one table; nil where nobody can tell them.
    var rows: [Tag]?
    /// Something was written that cannot be named.
    var isUnknown = false
    /// A definition may have changed: what was learned of the schema no longer holds.
    var changedSchema = false

    /// Answers name (null for a dropped relation) and the strongest sign of a changed definition.
    static let look = PostgresStep.look(
        """
        SELECT n.nspname || '.' || c.relname, bool_or(l.mode = 'AccessExclusiveLock')::text
        FROM pg_catalog.pg_locks AS l
        LEFT JOIN pg_catalog.pg_class AS k ON k.oid = l.relation
        LEFT JOIN pg_catalog.pg_class AS c
            ON c.oid = CASE WHEN k.relispartition THEN pg_catalog.pg_partition_root(k.oid)::oid ELSE k.oid END
        LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid()
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
            AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                           'ExclusiveLock', 'AccessExclusiveLock')
            AND (k.oid IS NULL OR k.relkind IN ('r', 'p', 'm', 'f', 'v') AND k.relpersistence <> 't')
        GROUP BY 1
        """
    )

    init() {}

    init(rows: [[String?]]) {
        for row in rows {
            if let name = row.first ?? nil {
                tables.append(name)
            } else {
                isUnknown = true
            }
            if row.last == "true" { changedSchema = true }
        }
        tables.sort()
    }

    /// Takes note of what was run.
    ///
    /// Most definitions are changed under a lock that shuts everybody out. When a function or a trigger took one there is no
    /// telling what else reads differently now: what reads a view carries the tables behind it, and a new table may
    /// stand before another of its name.
    ///
    /// - Parameters:
    ///   - commands: the words that PostgreSQL answered.
    ///   - changesSchema: whether a statement defines something by its shape.
    mutating func judge(commands: [String], changesSchema: Bool) {
        let isExplained = commands.allSatisfy { Self.locking.contains($0) }
        guard changesSchema || (changedSchema && !isExplained) else { return }
        isUnknown = true
        changedSchema = true
    }

    /// Commands that take such a lock, or may stand beside one that does, and define nothing.
    private static let locking: Set<String> = [
        "TRUNCATE TABLE", "REFRESH MATERIALIZED VIEW", "LOCK TABLE", "CLUSTER", "REINDEX", "INSERT", "UPDATE", "DELETE",
        "MERGE",
    ]

    var isEmpty: Bool { tables.isEmpty && !isUnknown }

    /// Everything that may be stale now.
    var tags: Set<Tag> {
        if isUnknown { return [.epoch] }
        if let rows, tables.count == 1 { return Tag.changes(to: tables[0], rows: rows) }
        return Tag.changes(to: tables)
    }
}

extension PostgresStep {
    fileprivate static func look(_ sql: String) -> PostgresStep {
        var step = PostgresStep(sql: sql, parameters: [])
        step.isPrepared = true
        step.output = .rows
        return step
    }
}
