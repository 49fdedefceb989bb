internal import JSONText

/// What the catalogs prove of a statement that changes rows.
package enum WriteFacts: Sendable, Equatable {
    /// It changes rows of this table (`schema.name`) and nothing else: not another table, not a session. `rowKey` where the
    /// table has one.
    case only(table: String, rowKey: RowKey?)
    /// It may change more, so it has to be watched.
    case unproved
}

extension SQLAnalyzer {
    /// Whether a statement can be shown to change one table alone, under these settings. One round trip; none where the
    /// statement's shape leaves it open already.
    ///
    /// - Throws: what the source throws.
    package func writeFacts(
        for shape: StatementShape,
        settings: [(name: String, value: String)],
        from source: some CatalogSource
    ) async throws -> WriteFacts {
        guard let relation = shape.changedRelation, shape.relations.count == 1 else { return .unproved }
        let question = WriteQuestion(shape, changing: relation)
        let rows = try await source.rows(of: [question.statement], settings: settings)
        guard let row = rows.first?.first, row.count == 3, let name = row[0] else { return .unproved }
        return .only(table: name, rowKey: RowKey(kind: row[1], column: row[2]))
    }
}

/// The question whether nothing but rows of one plain table can be changed.
///
/// It is so if the table has no triggers of users, rules, row security, children or parent, no foreign key that points to
/// it acts on the other table, and no function of a user's can run: none that the statement may mean by a name, an
/// operator or a conversion, none in a default, a check or an index, none behind a column's type. Of the system's own
/// functions those that are volatile can do anything (`set_config`, `query_to_xml`), but for a few.
struct WriteQuestion {
    private let shape: StatementShape
    private let relation: String

    init(_ shape: StatementShape, changing relation: String) {
        self.shape = shape
        self.relation = relation
    }

    var statement: CatalogStatement {
        let uses = shape.uses
        return CatalogStatement(
            sql: Self.sql,
            parameters: [
                relation, names(uses.calls.map(\.name.name)), names(Array(uses.fields)),
                names(uses.operators.map(\.name)), names(uses.types.map(\.name)),
            ]
        )
    }

    private func names(_ names: [String]) -> String {
        JSONValue.array(names.map { .string($0) }).jsonText
    }

    private static let sql = """
        SELECT n.nspname || '.' || t.relname, k.kind, k.name
        FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        LEFT JOIN \(RowKey.lateral) ON true
        WHERE t.oid = pg_catalog.to_regclass($1) AND t.relkind = 'r' AND t.relpersistence IN ('p', 'u')
            AND NOT t.relispartition AND NOT t.relrowsecurity AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE t.oid IN (i.inhparent, i.inhrelid))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = t.oid)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal)
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS k WHERE k.confrelid = t.oid AND k.contype = 'f'
                    AND (k.confdeltype NOT IN ('a', 'r') OR k.confupdtype NOT IN ('a', 'r')))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= 16384
                    AND (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                            AND d.objid IN (SELECT a.oid FROM pg_catalog.pg_attrdef AS a WHERE a.adrelid = t.oid)
                        OR d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                            AND d.objid IN (SELECT k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = t.oid)
                        OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                            AND d.objid IN (SELECT x.indexrelid FROM pg_catalog.pg_index AS x WHERE x.indrelid = t.oid)))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attrdef AS a WHERE a.adrelid = t.oid
                    AND pg_catalog.pg_get_expr(a.adbin, a.adrelid) ~ 'set_config|_to_xml|advisory|lo_|pg_')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                LEFT JOIN pg_catalog.pg_type AS e ON e.oid = y.typelem
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND y.oid >= 16384
                    AND y.typtype <> 'e' AND COALESCE(e.typtype, 'x') <> 'e')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_proc AS p
                WHERE p.proname IN (SELECT pg_catalog.jsonb_array_elements_text($2::pg_catalog.jsonb)::pg_catalog.name)
                    AND (p.oid >= 16384 OR p.provolatile = 'v' AND p.proname NOT IN
                        ('nextval', 'random', 'gen_random_uuid', 'clock_timestamp', 'statement_timestamp')))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384
                    AND p.proname IN (SELECT pg_catalog.jsonb_array_elements_text($3::pg_catalog.jsonb)::pg_catalog.name))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384
                    AND o.oprname IN (SELECT pg_catalog.jsonb_array_elements_text($4::pg_catalog.jsonb)::pg_catalog.name))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_type AS y WHERE y.oid >= 16384 AND y.typtype <> 'e'
                    AND y.typname IN (SELECT pg_catalog.jsonb_array_elements_text($5::pg_catalog.jsonb)::pg_catalog.name))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.castfunc >= 16384)
        """
}
