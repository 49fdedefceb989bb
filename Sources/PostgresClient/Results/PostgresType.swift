internal import JSONText
internal import Synchronization

/// How values of a type are written as JSON.
indirect enum JSONForm: Sendable, Equatable {
    case boolean
    /// Digits as they are; what is no JSON number (`NaN`) in quotes.
    case number
    /// Embedded as it is.
    case json
    case date
    case timestamp
    case timestampWithTimeZone
    case array(element: UInt32, delimiter: UInt8)
    case composite([Attribute])
    case domain(over: UInt32)
    /// Everything else: its text in quotes.
    case text

    struct Attribute: Sendable, Equatable {
        let name: String
        let type: UInt32
    }
}

struct PostgresType: Sendable, Equatable {
    let name: String
    let form: JSONForm
}

/// The types met so far, for all connections of a pool.
final class TypeCatalogue: Sendable {
    private let types = Mutex<[UInt32: PostgresType]>([:])
    /// Objects of the system have smaller numbers, and never change.
    private static let firstUserObject: UInt32 = 16384

    subscript(oid: UInt32) -> PostgresType? { types.withLock { $0[oid] } }

    func add(_ found: [UInt32: PostgresType]) {
        types.withLock { $0.merge(found) { _, new in new } }
    }

    func forgetUserTypes() {
        types.withLock { types in types = types.filter { $0.key < Self.firstUserObject } }
    }

    /// The types needed to write a value of that type and not known yet.
    func missing(for oids: some Sequence<UInt32>) -> Set<UInt32> {
        types.withLock { types in
            var missing: Set<UInt32> = []
            var seen: Set<UInt32> = []
            var open = Array(oids)
            while let oid = open.popLast() {
                guard oid != 0, seen.insert(oid).inserted else { continue }
                guard let type = types[oid] else {
                    missing.insert(oid)
                    continue
                }
                switch type.form {
                case .array(let element, _): open.append(element)
                case .domain(let base): open.append(base)
                case .composite(let attributes): open += attributes.map(\.type)
                case .boolean, .number, .json, .date, .timestamp, .timestampWithTimeZone, .text: break
                }
            }
            return missing
        }
    }

    /// Asks for types by their numbers (a `oid[]` in text), with a composite's attributes in arrays of their own.
    static let question = """
        SELECT t.oid::text, t.typname, t.typtype::text, t.typelem::text, t.typdelim::text, t.typbasetype::text,
            (t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc)::text,
            a.names, a.types
        FROM pg_catalog.pg_type AS t
        LEFT JOIN LATERAL (
            SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::text AS names,
                pg_catalog.string_agg(a.atttypid::text, ',' ORDER BY a.attnum) AS types
            FROM pg_catalog.pg_attribute AS a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ) AS a ON true
        WHERE t.oid = ANY (pg_catalog.string_to_array($1, ',')::pg_catalog.oid[])
        """
}

extension PostgresType {
    /// Reads one row of ``TypeCatalogue/question``.
    init?(row: [String?]) {
        guard row.count == 9, let oid = row[0].flatMap({ UInt32($0) }), let name = row[1] else { return nil }
        self.name = name
        let isArray = row[6] == "true"
        switch (row[2], oid) {
        case (_, 16): form = .boolean
        case (_, 20), (_, 21), (_, 23), (_, 700), (_, 701), (_, 1700): form = .number
        case (_, 114), (_, 3802): form = .json
        case (_, 1082): form = .date
        case (_, 1114): form = .timestamp
        case (_, 1184): form = .timestampWithTimeZone
        case ("d", _): form = .domain(over: row[5].flatMap { UInt32($0) } ?? 25)
        case ("c", _):
            let types = (row[8] ?? "").split(separator: ",").map { UInt32($0) ?? 25 }
            form = .composite(zip(row[7].attributeNames, types).map { JSONForm.Attribute(name: $0, type: $1) })
        default:
            if isArray, let element = row[3].flatMap({ UInt32($0) }), element != 0 {
                form = .array(element: element, delimiter: row[4]?.utf8.first ?? UInt8(ascii: ","))
            } else {
                form = .text
            }
        }
    }
}

extension String? {
    fileprivate var attributeNames: [String] {
        guard let self, case .success(let value) = Result(catching: { try JSONValue(parsing: self) }) else { return [] }
        return value.array?.compactMap(\.string) ?? []
    }
}
