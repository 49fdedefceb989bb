internal import JSONText

/// Finds conversions at run time, and what is known of the values that they convert.
///
/// `created_at::date` may be remembered if the column is a timestamp; if it is text, a row that holds `now` means
/// another day tomorrow. The types of columns and functions are the server's to tell, so an expression is brought down
/// to the columns and functions that its type comes from. A column of a subquery may have a table's column's name and
/// another type; so names that the text itself makes are not looked up, and such a conversion stays unknown.
struct ConversionSources {
    private var found: [StatementUses.Conversion] = []
    private var known: Set<StatementUses.Conversion> = []
    /// Names of columns that the text makes.
    private var made: Set<String> = []

    /// What was found, once the whole text has been seen.
    var conversions: [StatementUses.Conversion] {
        found.map { conversion in
            let columns = conversion.source.columns
            guard !columns.isDisjoint(with: made) || columns.contains(where: Self.isOfValues) else { return conversion }
            return StatementUses.Conversion(type: conversion.type, source: .unknown)
        }
    }

    /// VALUES calls its columns `column1` and so on.
    private static func isOfValues(_ name: String) -> Bool {
        name.hasPrefix("column") && name.utf8.count > 6 && name.utf8.dropFirst(6).allSatisfy { $0 &- 0x30 < 10 }
    }

    mutating func addCast(_ cast: JSONValue) {
        guard let type = cast["typeName"]?["names"]?.name, let argument = cast["arg"] else { return }
        add(type, argument)
    }

    /// A call of one argument may be a cast in other words: `date(x)`.
    mutating func addCall(_ value: JSONValue, _ call: StatementUses.Call) {
        guard let arguments = value["args"]?.array, arguments.count == 1 else { return }
        add(call.name, arguments[0])
    }

    private mutating func add(_ type: StatementUses.Name, _ argument: JSONValue) {
        // The text's own constants have been looked at, and parameters are whenever they come.
        if argument["A_Const"] != nil || argument["ParamRef"] != nil { return }
        let conversion = StatementUses.Conversion(type: type, source: source(of: argument))
        if known.insert(conversion).inserted { found.append(conversion) }
    }

    // MARK: Names that the text makes

    mutating func add(name: String) {
        made.insert(name)
    }

    mutating func add(names: JSONValue) {
        for name in names.array ?? [] { if let name = name["String"]?["sval"]?.string { made.insert(name) } }
    }

    /// A subquery's columns. One without a name takes it from somewhere inside its expression.
    mutating func addOutput(_ targets: JSONValue) {
        for target in targets.array ?? [] {
            guard let target = target["ResTarget"] else { continue }
            if let name = target["name"]?.string {
                if target["val"]?.columnName != name { made.insert(name) }
            } else if let value = target["val"], value["ColumnRef"] == nil {
                addNames(within: value)
            }
        }
    }

    /// A function in FROM makes columns named after itself or its alias.
    mutating func addMade(by function: JSONValue) {
        if let alias = function["alias"]?["aliasname"]?.string { made.insert(alias) }
        addNames(within: function)
    }

    private mutating func addNames(within value: JSONValue) {
        switch value {
        case .array(let elements): for element in elements { addNames(within: element) }
        case .object(let members):
            for (key, child) in members {
                if key == "sval", let name = child.string { made.insert(name) } else { addNames(within: child) }
            }
        case .null, .bool, .number, .string: break
        }
    }

    // MARK: Expressions

    private func source(of node: JSONValue) -> ConversionSource {
        guard case .object(let members) = node, members.count == 1 else { return .unknown }
        let (type, value) = members[0]
        switch type {
        case "A_Const", "ParamRef", "SQLValueFunction", "BoolExpr", "NullTest", "BooleanTest": return .harmless
        case "ColumnRef": return node.columnName.map { ConversionSource(columns: [$0]) } ?? .unknown
        case "TypeCast": return castSource(value)
        case "FuncCall": return callSource(value)
        case "CoalesceExpr", "MinMaxExpr": return all(value["args"])
        case "A_ArrayExpr": return all(value["elements"])
        case "CaseExpr": return caseSource(value)
        case "A_Expr": return operatorSource(value)
        case "SubLink": return subquerySource(value)
        case "A_Indirection":
            // An element of an array.
            let steps = value["indirection"]?.array ?? []
            guard let array = value["arg"], steps.allSatisfy({ $0["A_Indices"] != nil }) else { return .unknown }
            return source(of: array)
        default: return .unknown
        }
    }

    private func all(_ nodes: JSONValue?) -> ConversionSource {
        (nodes?.array ?? []).reduce(.harmless) { $0.and(source(of: $1)) }
    }

    private func castSource(_ cast: JSONValue) -> ConversionSource {
        guard let type = cast["typeName"]?["names"]?.name, let argument = cast["arg"] else { return .unknown }
        if type.schema == nil || type.schema == "pg_catalog", dateTimeTypes.contains(type.name) { return .harmless }
        return argument["A_Const"] != nil || argument["ParamRef"] != nil ? .harmless : .unknown
    }

    private func callSource(_ value: JSONValue) -> ConversionSource {
        guard let call = value.call else { return .unknown }
        guard call.name.schema == nil || call.name.schema == "pg_catalog", passingFunctions.contains(call.name.name)
        else { return ConversionSource(calls: [call]) }
        return all(value["args"])
    }

    private func caseSource(_ value: JSONValue) -> ConversionSource {
        var result = value["defresult"].map { source(of: $0) } ?? .harmless
        for arm in value["args"]?.array ?? [] {
            guard let arm = arm["CaseWhen"]?["result"] else { return .unknown }
            result = result.and(source(of: arm))
        }
        return result
    }

    /// No arithmetic operator answers a text.
    private func operatorSource(_ value: JSONValue) -> ConversionSource {
        guard let name = value["name"]?.name else { return .unknown }
        if value["kind"]?.string == "AEXPR_NULLIF" { return value["lexpr"].map { source(of: $0) } ?? .unknown }
        let isArithmetic = value["kind"]?.string == "AEXPR_OP" && ["+", "-", "*", "/"].contains(name.name)
        return isArithmetic ? .harmless : .unknown
    }

    private func subquerySource(_ value: JSONValue) -> ConversionSource {
        guard value["subLinkType"]?.string == "EXPR_SUBLINK", let select = value["subselect"]?["SelectStmt"],
            select["op"]?.string == "SETOP_NONE", let targets = select["targetList"]?.array, targets.count == 1,
            let target = targets[0]["ResTarget"]?["val"]
        else { return .unknown }
        return source(of: target)
    }
}

/// Types of which a value is no text.
private let dateTimeTypes: Set<String> = ["date", "time", "timetz", "timestamp", "timestamptz", "interval"]

/// Functions that answer one of their arguments.
private let passingFunctions: Set<String> = [
    "min", "max", "lag", "lead", "first_value", "last_value", "any_value", "array_agg", "unnest",
]

extension JSONValue {
    /// The last name of a node that is a column.
    fileprivate var columnName: String? { self["ColumnRef"]?["fields"]?.array?.last?["String"]?["sval"]?.string }
}
