/// What the catalogs said of a database's definitions at one moment: a number for each relation, which is another when
/// anything about it changed (its columns, rights, rules, policies, children), and one for what belongs to none or
/// reaches further (functions, triggers, foreign keys, defaults, schemas, roles, types): what writes change beyond their
/// own table depends on those.
struct SchemaSignature: Equatable, Sendable {
    struct Relation: Equatable, Sendable {
        var hash: String
        /// The qualified name that its entries carry: a partition's is its root's.
        var tag: String
        /// The name without its schema.
        var name: String
        var isView: Bool
    }

    /// By the relation's own number.
    var relations: [String: Relation] = [:]
    var rest = ""

    /// What is stale now.
    enum Change: Equatable {
        case none
        case tables(Set<String>)
        case everything
    }

    /// More tables than this are not worth naming.
    private static let most = 200

    func change(to new: SchemaSignature) -> Change {
        if rest != new.rest { return .everything }
        var tables: Set<String> = []
        for (number, relation) in relations {
            let now = new.relations[number]
            if now == relation { continue }
            // Whatever reads a view carries the tables behind it, not the view.
            if relation.isView { return .everything }
            tables.insert(relation.tag)
            if let now { tables.insert(now.tag) }
        }
        let names = Set(relations.values.map(\.name))
        for (number, relation) in new.relations where relations[number] == nil {
            // It may stand before another of its name in somebody's search path.
            if names.contains(relation.name) { return .everything }
            tables.insert(relation.tag)
        }
        if tables.isEmpty { return .none }
        return tables.count > Self.most ? .everything : .tables(tables)
    }

    // MARK: The questions

    /// Every row of a catalog has the number of the transaction that wrote it (`xmin`), so nothing else need be read.
    /// Statistics and the marks of VACUUM are written in place and change none.
    private static let objects = """
        WITH relations AS (
            SELECT c.oid, c.xmin, c.relname, c.relkind, c.relispartition, c.relnamespace FROM pg_catalog.pg_class AS c
            WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
        ), objects(relation, version) AS (
            SELECT oid, 'c' || xmin FROM relations
            UNION ALL SELECT a.attrelid, 'a' || a.attnum || ':' || a.xmin FROM pg_catalog.pg_attribute AS a
                JOIN relations AS r ON r.oid = a.attrelid WHERE a.attnum > 0
            UNION ALL SELECT 0, 't' || t.oid || ':' || t.xmin FROM pg_catalog.pg_trigger AS t
            UNION ALL SELECT 0, 'q' || q.oid || ':' || q.xmin FROM pg_catalog.pg_constraint AS q
                WHERE q.contype IN ('f', 'c')
            UNION ALL SELECT q.conrelid, 'q' || q.oid || ':' || q.xmin FROM pg_catalog.pg_constraint AS q
                WHERE q.contype = 'p'
            UNION ALL SELECT 0, 'd' || d.oid || ':' || d.xmin FROM pg_catalog.pg_attrdef AS d
            UNION ALL SELECT 0, 'x' || x.indexrelid || ':' || x.xmin FROM pg_catalog.pg_index AS x
                WHERE x.indrelid >= 16384 AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL)
            UNION ALL SELECT w.ev_class, 'w' || w.oid || ':' || w.xmin FROM pg_catalog.pg_rewrite AS w
                WHERE w.ev_class >= 16384
            UNION ALL SELECT p.polrelid, 'p' || p.oid || ':' || p.xmin FROM pg_catalog.pg_policy AS p
            UNION ALL SELECT i.inhparent, 'i' || i.inhrelid || ':' || i.xmin FROM pg_catalog.pg_inherits AS i
            UNION ALL SELECT 0, 'f' || f.oid || ':' || f.xmin FROM pg_catalog.pg_proc AS f WHERE f.oid >= 16384
            UNION ALL SELECT 0, 'n' || n.oid || ':' || n.xmin FROM pg_catalog.pg_namespace AS n
                WHERE n.nspname !~ '^pg_(toast_)?temp_'
            UNION ALL SELECT 0, 'm' || m.roleid || ':' || m.member || ':' || m.xmin FROM pg_catalog.pg_auth_members AS m
            UNION ALL SELECT 0, 's' || s.setdatabase || ':' || s.setrole || ':' || s.xmin
                FROM pg_catalog.pg_db_role_setting AS s
            UNION ALL SELECT 0, 'e' || e.oid || ':' || e.xmin FROM pg_catalog.pg_enum AS e
            UNION ALL SELECT 0, 'y' || y.oid || ':' || y.xmin FROM pg_catalog.pg_type AS y
                WHERE y.oid >= 16384 AND y.typtype IN ('d', 'r')
            UNION ALL SELECT 0, 'o' || o.oid || ':' || o.xmin FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384
            UNION ALL SELECT 0, 'k' || k.oid || ':' || k.xmin FROM pg_catalog.pg_cast AS k WHERE k.oid >= 16384
        )
        """

    /// One number for everything: what is asked every time.
    static let wholeQuestion = """
        \(objects)
        SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(relation::text || version, 0))::text FROM objects
        """

    /// A row a relation, and one (`0`) for the rest: what is asked when that number is another.
    static let question = """
        \(objects), hashes(relation, hash) AS (
            SELECT relation, pg_catalog.bit_xor(pg_catalog.hashtextextended(version, 0))::text FROM objects
            GROUP BY relation
        )
        SELECT h.relation::text, h.hash, COALESCE(n.nspname || '.' || c.relname, ''), COALESCE(r.relname, ''),
            COALESCE(r.relkind = 'v', false)::text
        FROM hashes AS h
        LEFT JOIN relations AS r ON r.oid = h.relation
        LEFT JOIN pg_catalog.pg_class AS c
            ON c.oid = CASE WHEN r.relispartition THEN pg_catalog.pg_partition_root(r.oid)::oid ELSE r.oid END
        LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE h.relation = 0 OR r.oid IS NOT NULL
        """

    init() {}

    init(rows: [[String?]]) {
        for row in rows where row.count == 5 {
            guard let number = row[0], let hash = row[1] else { continue }
            if number == "0" {
                rest = hash
            } else {
                relations[number] = Relation(
                    hash: hash,
                    tag: row[2] ?? "",
                    name: row[3] ?? "",
                    isView: row[4] == "true"
                )
            }
        }
    }
}
