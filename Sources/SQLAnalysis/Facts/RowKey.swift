internal import JSONText

/// The column that tells a table's rows apart: its primary key, of one column.
///
/// A statement whose text pins this column to values touches no other rows than those with these values. Equal values must
/// have equal texts for that, in one form at least, so only types are taken of which this is known.
package struct RowKey: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case integer, uuid, text
    }

    package let column: String
    package let kind: Kind

    /// The same text for equal values; nil where the text may stand for a value that has another.
    func canonical(_ text: String) -> String? {
        switch kind {
        // PostgreSQL reads more as a number (spaces, other bases): that is left to the table as a whole.
        case .integer: return Int64(text).map { String($0) }
        case .text: return text
        case .uuid:
            let digits = text.utf8.filter { !"{}-".utf8.contains($0) }
            guard digits.count == 32 else { return nil }
            return String(decoding: digits, as: UTF8.self).lowercased()
        }
    }

    /// Answers kind and name of the key column of the table `t`, as `k`. No row where nothing is known of the comparison or the
    /// values: another collation than one that compares bytes, a length that cuts values, a key that is computed from other
    /// columns, an operator of a user's for PostgreSQL's own types, a second way in which its values must differ; nor for a table
    /// with children, whose rows it shows too.
    static let lateral = """
        LATERAL (
            SELECT CASE WHEN a.atttypid IN (20, 21, 23) THEN 'integer' WHEN a.atttypid = 2950 THEN 'uuid' ELSE 'text' END AS kind,
                a.attname::text AS name
            FROM pg_catalog.pg_index AS x
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
            LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation
            WHERE x.indrelid = t.oid AND x.indisprimary AND x.indisvalid AND x.indnkeyatts = 1
                AND t.relkind = 'r' AND NOT t.relispartition AND a.attgenerated = ''
                AND a.atttypid IN (20, 21, 23, 25, 1043, 2950) AND (a.atttypid <> 1043 OR a.atttypmod = -1)
                AND COALESCE(c.collisdeterministic, true)
                AND NOT EXISTS (
                    SELECT FROM pg_catalog.pg_index AS u WHERE u.indrelid = t.oid AND u.indisunique
                        AND u.indkey[0] = a.attnum AND u.indcollation[0] <> x.indcollation[0])
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE t.oid IN (i.inhparent, i.inhrelid))
                AND NOT EXISTS (
                    SELECT FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384 AND o.oprname = '='
                        AND o.oprleft < 16384 AND o.oprright < 16384)
        ) AS k
        """

    package init(column: String, kind: Kind) {
        self.column = column
        self.kind = kind
    }

    /// From what ``lateral`` answers.
    init?(kind: String?, column: String?) {
        guard let kind = kind.flatMap({ Kind(rawValue: $0) }), let column else { return nil }
        self.init(column: column, kind: kind)
    }
}

extension StatementShape {
    /// The keys of all rows that the statement can touch, each in the form that equal ones share; nil where the text does not
    /// tell.
    ///
    /// - Parameter parameter: the text of `$n`; nil for NULL and for what is not given as a text.
    package func keys(_ key: RowKey, parameter: (Int) -> String?) -> [String]? {
        guard let restriction = restrictions.first(where: { $0.column.hasSameBytes(as: key.column) }) else {
            return nil
        }
        var keys: [String] = []
        keys.reserveCapacity(restriction.values.count)
        for value in restriction.values {
            let text: String? =
                switch value {
                case .parameter(let number): parameter(number)
                case .constant(let text): text
                }
            guard let canonical = text.flatMap({ key.canonical($0) }) else { return nil }
            if !keys.contains(where: { $0.hasSameBytes(as: canonical) }) { keys.append(canonical) }
        }
        return keys
    }
}
