internal import JSONText

/// What a statement's text says of the rows that it touches: that a column of its only table holds one of some values in each
/// of them. Whatever happens to a row that holds another value there is nothing to the statement.
struct RowRestriction: Sendable, Equatable {
    enum Value: Sendable, Equatable {
        /// `$n`, which stands in the statement once, so that nothing but the column decides on its type.
        case parameter(Int)
        /// As it is written, without quotes.
        case constant(String)
    }

    var column: String
    var values: [Value]

    /// More values are not worth telling apart.
    private static let mostValues = 32

    /// The restrictions of a SELECT that reads one table once, or of an INSERT, UPDATE or DELETE; none for a statement of which
    /// the least bit is unusual. A column that the statement itself changes restricts nothing.
    static func all(in statement: JSONValue) -> [RowRestriction] {
        guard case .object(let members) = statement, let (type, node) = members.first, node["withClause"] == nil
        else { return [] }
        let found: [RowRestriction]
        switch type {
        case "SelectStmt": found = selected(node)
        case "UpdateStmt" where node["fromClause"] == nil: found = changed(node)
        case "DeleteStmt" where node["usingClause"] == nil: found = changed(node)
        case "InsertStmt": found = inserted(node)
        default: return []
        }
        if found.isEmpty { return [] }
        let census = NodeCensus(statement)
        // A subquery may read the table again.
        if census.hasSubquery { return [] }
        return found.filter { restriction in
            restriction.values.count <= mostValues
                && restriction.values.allSatisfy { value in
                    if case .parameter(let number) = value { census.parameters[number] == 1 } else { true }
                }
        }
    }

    private static func selected(_ select: JSONValue) -> [RowRestriction] {
        guard select["op"]?.string == "SETOP_NONE", let from = select["fromClause"]?.array, from.count == 1,
            let relation = from[0]["RangeVar"], relation.hasOwnColumns
        else { return [] }
        return select["whereClause"].map { conditions(in: $0) } ?? []
    }

    private static func changed(_ node: JSONValue) -> [RowRestriction] {
        guard node["relation"]?.hasOwnColumns == true, let condition = node["whereClause"] else { return [] }
        guard let set = names(of: node["targetList"]) else { return [] }
        return conditions(in: condition).filter { !set.contains($0.column) }
    }

    /// The names of a list of targets; nil where one has none.
    private static func names(of targets: JSONValue?) -> [String]? {
        var names: [String] = []
        for target in targets?.array ?? [] {
            guard let name = target["ResTarget"]?["name"]?.string else { return nil }
            names.append(name)
        }
        return names
    }

    // MARK: Conditions

    /// Of those that must all hold, the ones that compare a column with values.
    private static func conditions(in node: JSONValue) -> [RowRestriction] {
        if let all = node["BoolExpr"] {
            guard all["boolop"]?.string == "AND_EXPR" else { return [] }
            return (all["args"]?.array ?? []).flatMap { conditions(in: $0) }
        }
        guard let comparison = node["A_Expr"], let name = comparison["name"]?.name, name.schema == nil,
            name.name == "=",
            let left = comparison["lexpr"], let right = comparison["rexpr"]
        else { return [] }
        switch comparison["kind"]?.string {
        case "AEXPR_OP":
            return [(left, right), (right, left)].compactMap { column, value in
                guard let column = self.column(column), let value = self.value(value) else { return nil }
                return RowRestriction(column: column, values: [value])
            }
        case "AEXPR_IN":
            guard let column = column(left), let items = right["List"]?["items"]?.array else { return [] }
            let values = items.compactMap { value($0) }
            return values.count == items.count ? [RowRestriction(column: column, values: values)] : []
        default: return []
        }
    }

    /// The statement has one table, so whatever stands before the name is that.
    private static func column(_ node: JSONValue) -> String? {
        guard let fields = node["ColumnRef"]?["fields"]?.array else { return nil }
        return fields.last?["String"]?["sval"]?.string
    }

    private static func value(_ node: JSONValue) -> Value? {
        if let parameter = node["ParamRef"] { return parameter["number"]?.int.map { .parameter($0) } }
        guard let constant = node["A_Const"] else { return nil }
        // A zero is left out of the tree, and so is a negative number: which of them it is cannot be told.
        if let number = constant["ival"] { return number["ival"]?.int.map { .constant(String($0)) } }
        if let number = constant["fval"]?["fval"]?.string { return .constant(number) }
        guard let text = constant["sval"] else { return nil }
        let value = text["sval"]?.string ?? ""
        // What a backslash means is a setting of the server's, which the parser does not know.
        return value.utf8.contains(UInt8(ascii: "\\")) ? nil : .constant(value)
    }

    // MARK: INSERT

    /// The columns whose values stand in the text of all rows. What a conflict changes must be the row with that value too.
    private static func inserted(_ insert: JSONValue) -> [RowRestriction] {
        guard insert["override"]?.string ?? "OVERRIDING_NOT_SET" == "OVERRIDING_NOT_SET",
            let columns = names(of: insert["cols"]),
            let rows = insert["selectStmt"]?["SelectStmt"]?["valuesLists"]?.array, !rows.isEmpty
        else { return [] }
        return columns.enumerated().compactMap { place, column in
            if let conflict = insert["onConflictClause"], !keeps(column, conflict) { return nil }
            let values = rows.compactMap { row -> Value? in
                let items = row["List"]?["items"]?.array ?? []
                return place < items.count ? value(items[place]) : nil
            }
            return values.count == rows.count ? RowRestriction(column: column, values: values) : nil
        }
    }

    private static func keeps(_ column: String, _ conflict: JSONValue) -> Bool {
        if conflict["action"]?.string == "ONCONFLICT_NOTHING" { return true }
        guard let target = conflict["infer"], target["whereClause"] == nil,
            let elements = target["indexElems"]?.array, elements.count == 1,
            elements[0]["IndexElem"]?["name"]?.string?.hasSameBytes(as: column) == true,
            let set = names(of: conflict["targetList"])
        else { return false }
        return !set.contains(column)
    }
}

extension JSONValue {
    /// A table whose columns have the names that they were made with.
    fileprivate var hasOwnColumns: Bool { self["alias"]?["colnames"] == nil }
}

/// What stands anywhere in a statement.
private struct NodeCensus {
    var hasSubquery = false
    /// How often each `$n` stands.
    var parameters: [Int: Int] = [:]

    init(_ statement: JSONValue) {
        visit(statement)
    }

    private mutating func visit(_ value: JSONValue) {
        switch value {
        case .array(let elements): for element in elements { visit(element) }
        case .object(let members):
            for (key, child) in members {
                if key == "SubLink" { hasSubquery = true }
                if key == "ParamRef" { parameters[child["number"]?.int ?? 0, default: 0] += 1 }
                visit(child)
            }
        case .null, .bool, .number, .string: break
        }
    }
}
