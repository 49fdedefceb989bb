internal import JSONText

/// One pass over a statement's tree that notes what matters of it.
///
/// The tree is the parser's, as JSON. A node stands in it as an object with one member, named after its type
/// (`{"ColumnRef":{…}}`); where a field can only hold one type, its object stands alone. Everything not looked
/// at by name is descended into, so nothing is missed because it stands in an unexpected place.
struct TreeWalk {
    private(set) var relations: [String] = []
    private(set) var functions: [String] = []
    private(set) var parameterNumbers: Set<Int> = []
    private(set) var uses = StatementUses()
    /// A statement that changes rows stands inside.
    private(set) var modifies = false
    /// A constant that PostgreSQL may read as a moving moment.
    private(set) var movingConstant: String?
    private var reasons: [String] = []
    private var sources = ConversionSources()

    /// Names of common table expressions that hide tables of the same name here.
    private var hidden: Set<String> = []
    private var knownRelations: Set<String> = []
    private var knownFunctions: Set<String> = []
    private var knownCalls: Set<StatementUses.Call> = []

    init(_ statement: JSONValue) {
        if let select = statement["SelectStmt"] {
            visitSelect(select, makesColumns: false)
        } else {
            visit(statement)
        }
        // Also behind IN, CASE and USING, where it is not written.
        uses.operators.insert(.init(name: "="))
        uses.conversions = sources.conversions
    }

    /// What the text says against caching, the plainest first.
    var bypass: Cacheability {
        if let reason = reasons.first { return .bypass(reason: reason) }
        if movingConstant != nil { return .bypass(reason: "time_dependent:now") }
        return .cacheable
    }

    // MARK: Descending

    private mutating func visit(_ value: JSONValue) {
        switch value {
        case .array(let elements): for element in elements { visit(element) }
        case .object(let members):
            let outer = hidden
            if let with = value["withClause"] { enter(with) }
            if value["relpersistence"] != nil, let name = value["relname"]?.string { addRelation(value, name) }
            for (key, child) in members where key != "withClause" { visit(child, named: key) }
            hidden = outer
        case .null, .bool, .number, .string: break
        }
    }

    private mutating func visit(_ value: JSONValue, named key: String) {
        switch key {
        case "SelectStmt", "larg", "rarg":
            visitSelect(value, makesColumns: true)
            return
        case "SubLink":
            visitSubquery(value)
            return
        case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt": modifies = true
        case "ColumnRef": addColumn(value)
        case "FuncCall": addCall(value)
        case "ParamRef": parameterNumbers.insert(value["number"]?.int ?? 0)
        case "A_Const": addConstant(value)
        case "TypeCast": sources.addCast(value)
        case "typeName", "TypeName": if let name = value["names"]?.name { uses.types.insert(name) }
        case "A_Indirection": addFields(value)
        case "A_Expr": addOperator(value)
        case "operName", "useOp": if let name = value.name { uses.operators.insert(name) }
        case "SQLValueFunction": reasons.append(value.valueFunctionReason)
        case "LockingClause": reasons.append("locking_clause")
        case "RangeTableSample": reasons.append("volatile_function:tablesample")
        case "RangeTableFunc": reasons.append("unsupported_statement:XMLTABLE")
        case "RangeFunction": sources.addMade(by: value)
        case "colnames", "aliascolnames": sources.add(names: value)
        case "ColumnDef": if let name = value["colname"]?.string { sources.add(name: name) }
        default: break
        }
        visit(value)
    }

    /// - Parameter makesColumns: the rest of the statement can name what it puts out.
    private mutating func visitSelect(_ select: JSONValue, makesColumns: Bool) {
        let outer = hidden
        if let with = select["withClause"] { enter(with) }
        guard case .object(let members) = select else { return }
        for (key, child) in members where key != "withClause" {
            switch key {
            case "larg", "rarg":
                visitSelect(child, makesColumns: makesColumns)
            case "targetList":
                if makesColumns { sources.addOutput(child) }
                visit(child)
            default:
                visit(child, named: key)
            }
        }
        hidden = outer
    }

    /// A subquery inside an expression.
    private mutating func visitSubquery(_ link: JSONValue) {
        guard case .object(let members) = link else { return }
        for (key, child) in members {
            if key == "subselect", let select = child["SelectStmt"] {
                visitSelect(select, makesColumns: false)
            } else {
                visit(child, named: key)
            }
        }
    }

    /// A common table expression is seen by those behind it, in a recursive clause by all.
    private mutating func enter(_ with: JSONValue) {
        let expressions = (with["ctes"]?.array ?? []).compactMap { $0["CommonTableExpr"] }
        if with["recursive"]?.bool == true { hidden.formUnion(expressions.compactMap { $0["ctename"]?.string }) }
        for expression in expressions {
            visit(expression)
            if let name = expression["ctename"]?.string { hidden.insert(name) }
        }
    }

    // MARK: Noting

    private mutating func addRelation(_ value: JSONValue, _ name: String) {
        let schema = value["schemaname"]?.string
        if schema == nil, hidden.contains(name) { return }
        let text = schema.map { "\($0).\(name)" } ?? name
        if knownRelations.insert(text).inserted { relations.append(text) }
    }

    private mutating func addColumn(_ value: JSONValue) {
        guard let fields = value["fields"]?.array, let last = fields.last?["String"]?["sval"]?.string else { return }
        if systemColumns.contains(last) { reasons.append("system_column:\(last)") }
        if fields.count > 1 { uses.fields.insert(last) }
    }

    private mutating func addFields(_ value: JSONValue) {
        for step in value["indirection"]?.array ?? [] {
            if let name = step["String"]?["sval"]?.string { uses.fields.insert(name) }
        }
    }

    private mutating func addCall(_ value: JSONValue) {
        guard let call = value.call else { return }
        if knownCalls.insert(call).inserted { uses.calls.append(call) }
        if knownFunctions.insert(call.name.text).inserted { functions.append(call.name.text) }
        sources.addCall(value, call)
    }

    private mutating func addConstant(_ value: JSONValue) {
        guard movingConstant == nil, let text = value["sval"]?["sval"]?.string, isDateTimeInput(text) else { return }
        movingConstant = text
    }

    private mutating func addOperator(_ value: JSONValue) {
        guard let name = value["name"]?.name else { return }
        if value["kind"]?.string?.contains("BETWEEN") == true {
            for comparison in ["<", "<=", ">", ">="] { uses.operators.insert(.init(name: comparison)) }
        } else {
            uses.operators.insert(name)
        }
    }
}

private let systemColumns: Set<String> = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]

extension JSONValue {
    /// A list of one or more strings as a name; a database's name before the schema is left out.
    var name: StatementUses.Name? {
        guard let parts = array?.compactMap({ $0["String"]?["sval"]?.string }), let last = parts.last else {
            return nil
        }
        return StatementUses.Name(schema: parts.count > 1 ? parts[parts.count - 2] : nil, name: last)
    }

    /// This `FuncCall` as what the server is asked about.
    var call: StatementUses.Call? {
        guard let name = self["funcname"]?.name else { return nil }
        let isOpen = self["func_variadic"]?.bool == true || self["agg_within_group"]?.bool == true
        return StatementUses.Call(name: name, arity: isOpen ? nil : self["args"]?.array?.count ?? 0)
    }

    /// CURRENT_DATE and its like, which are no functions to the parser.
    fileprivate var valueFunctionReason: String {
        var name = (self["op"]?.string ?? "").lowercased()
        if name.hasPrefix("svfop_") { name.removeFirst(6) }
        if name.hasSuffix("_n") { name.removeLast(2) }
        let isTime = ["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"].contains(name)
        return isTime ? "time_dependent:\(name)" : "stable_function:\(name)"
    }
}
