internal import JSONText

extension StatementShape {
    /// Tells the kind by the type of the outermost node, and what goes with it.
    mutating func classify(_ tree: JSONValue, modifies: Bool) {
        guard case .object(let members) = tree, let (type, node) = members.first else {
            kind = .unparsed
            return
        }
        switch type {
        case "SelectStmt": classifySelect(node, modifies: modifies)
        case "ExplainStmt": classifyExplain(node, modifies: modifies)
        case "VariableShowStmt":
            kind = .read
            bypass = .bypass(reason: "unsupported_statement:SHOW")
        default:
            if let refusal = Refusal(type, node) {
                kind = refusal.kind
                isAllowedInTransaction = refusal.isAllowedInTransaction
                return
            }
            kind = .write
            if ["InsertStmt", "UpdateStmt", "DeleteStmt"].contains(type), node["withClause"] == nil {
                changedRelation = node["relation"]?.quotedName
            }
            changesSchema = !plainWrites.contains(type)
            if type == "DoStmt" { changesSchema = Self.mayDefine(node) }
            canRunInTransaction = !runsAlone(type, node)
        }
    }

    private mutating func classifySelect(_ select: JSONValue, modifies: Bool) {
        guard let into = select.intoClause else {
            kind = modifies ? .write : .read
            isQuery = !modifies
            return
        }
        if into.isTemporary {
            kind = Refusal.temporary("SELECT INTO TEMP").kind
            isAllowedInTransaction = true
        } else {
            kind = .write
            changesSchema = true
        }
    }

    /// EXPLAIN reads, unless it runs a statement that writes.
    private mutating func classifyExplain(_ explain: JSONValue, modifies: Bool) {
        kind = .read
        bypass = .bypass(reason: "unsupported_statement:EXPLAIN")
        let options = (explain["options"]?.array ?? []).compactMap { $0["DefElem"] }
        guard options.contains(where: { $0["defname"]?.string == "analyze" && !$0.isOff }),
            case .object(let members)? = explain["query"], let (type, query) = members.first
        else { return }
        let creates = type == "CreateTableAsStmt" || query.intoClause != nil
        if modifies || creates || type == "ExecuteStmt" { kind = .write }
        changesSchema = creates
    }

    /// Whether the text of a DO block has a word that can define something. What it calls is not seen, as with a SELECT
    /// of a function.
    private static func mayDefine(_ node: JSONValue) -> Bool {
        let parts = (node["args"]?.array ?? []).compactMap { $0["DefElem"]?["arg"]?["String"]?["sval"]?.string }
        return parts.contains { part in
            part.utf8.split { ($0 | 0x20) &- UInt8(ascii: "a") >= 26 }.contains {
                definingWords.contains(SmallWord($0))
            }
        }
    }
}

extension JSONValue {
    /// A RangeVar's name as `to_regclass` takes it.
    fileprivate var quotedName: String? {
        guard let name = self["relname"]?.string, self["catalogname"] == nil else { return nil }
        return ([self["schemaname"]?.string, name] as [String?]).compactMap { $0 }
            .map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ".")
    }
}

/// Writes that leave definitions alone.
private let plainWrites: Set<String> = [
    "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "TruncateStmt", "CopyStmt", "NotifyStmt",
    "RefreshMatViewStmt",
    "VacuumStmt", "ClusterStmt", "ReindexStmt", "CheckPointStmt", "LoadStmt",
]

private let definingWords: Set<SmallWord> = [
    "create", "alter", "drop", "grant", "revoke", "execute", "import", "reassign", "security", "call",
]

/// Whether PostgreSQL refuses the statement inside a transaction.
private func runsAlone(_ type: String, _ node: JSONValue) -> Bool {
    switch type {
    case "VacuumStmt": node["is_vacuumcmd"]?.bool == true
    case "CreatedbStmt", "DropdbStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt", "AlterSystemStmt",
        "CreateSubscriptionStmt", "AlterSubscriptionStmt", "DropSubscriptionStmt":
        true
    case "IndexStmt", "DropStmt": node["concurrent"]?.bool == true
    case "ReindexStmt":
        ["REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE"].contains(node["kind"]?.string)
            || node.hasOption("concurrently")
    case "ClusterStmt": node["relation"] == nil
    case "AlterDatabaseStmt": node.hasOption("tablespace")
    case "AlterTableStmt":
        (node["cmds"]?.array ?? []).contains {
            $0["AlterTableCmd"]?["def"]?["PartitionCmd"]?["concurrent"]?.bool == true
        }
    default: false
    }
}

extension Refusal {
    /// By the type of the outermost node; nil where the statement is not refused.
    init?(_ type: String, _ node: JSONValue) {
        switch type {
        case "VariableSetStmt": self = Self.setting(node)
        case "ConstraintsSetStmt": self = Refusal(name: "SET CONSTRAINTS", advice: "use the op \"transaction\"")
        case "TransactionStmt": self = Self.transaction(node)
        case "PrepareStmt": self = .prepare
        case "ExecuteStmt": self = .execute
        case "DeallocateStmt": self = .deallocate
        case "DeclareCursorStmt": self = .cursor("DECLARE")
        case "FetchStmt": self = .cursor(node["ismove"]?.bool == true ? "MOVE" : "FETCH")
        case "ClosePortalStmt": self = .cursor("CLOSE")
        case "ListenStmt": self = .listen
        case "UnlistenStmt": self = .unlisten
        case "DiscardStmt": self = .discard
        case "LockStmt": self = .lock
        case "CopyStmt":
            guard node["filename"] == nil, node["is_program"]?.bool != true else { return nil }
            self = node["is_from"]?.bool == true ? .copyFromClient : .copyToClient
        case "CreateStmt":
            guard node["relation"]?.isTemporary == true else { return nil }
            self = .temporary("CREATE TEMP TABLE")
        case "CreateTableAsStmt":
            guard node["into"]?.isTemporary == true else { return nil }
            self = .temporary("CREATE TEMP TABLE")
        case "ViewStmt":
            guard node["view"]?.isTemporary == true else { return nil }
            self = .temporary("CREATE TEMP VIEW")
        case "CreateSeqStmt":
            guard node["sequence"]?.isTemporary == true else { return nil }
            self = .temporary("CREATE TEMP SEQUENCE")
        default: return nil
        }
    }

    private static func setting(_ node: JSONValue) -> Refusal {
        let kind = node["kind"]?.string ?? ""
        if kind.hasPrefix("VAR_RESET") { return .reset }
        if kind == "VAR_SET_MULTI", node["name"]?.string != "SESSION CHARACTERISTICS" {
            return Refusal(name: "SET TRANSACTION", advice: "use the op \"transaction\" and its \"isolation\"")
        }
        return node["is_local"]?.bool == true ? .setLocal : .set
    }

    private static func transaction(_ node: JSONValue) -> Refusal {
        switch node["kind"]?.string {
        case "TRANS_STMT_START": .transaction("START TRANSACTION")
        case "TRANS_STMT_COMMIT": .transaction("COMMIT")
        case "TRANS_STMT_ROLLBACK": .transaction("ROLLBACK")
        case "TRANS_STMT_SAVEPOINT": .savepoint("SAVEPOINT")
        case "TRANS_STMT_RELEASE": .savepoint("RELEASE")
        case "TRANS_STMT_ROLLBACK_TO": .savepoint("ROLLBACK TO")
        case "TRANS_STMT_PREPARE": .twoPhase("PREPARE TRANSACTION")
        case "TRANS_STMT_COMMIT_PREPARED": .twoPhase("COMMIT PREPARED")
        case "TRANS_STMT_ROLLBACK_PREPARED": .twoPhase("ROLLBACK PREPARED")
        default: .transaction("BEGIN")
        }
    }
}

extension JSONValue {
    /// Where a SELECT puts its rows; in a set operation it stands at the leftmost one.
    fileprivate var intoClause: JSONValue? {
        var select = self
        while true {
            if let into = select["intoClause"] { return into }
            guard let left = select["larg"] else { return nil }
            select = left
        }
    }

    /// Of a relation, or of what holds one as `rel`.
    fileprivate var isTemporary: Bool {
        let relation = self["rel"] ?? self
        return relation["relpersistence"]?.string == "t" || relation["schemaname"]?.string == "pg_temp"
    }

    fileprivate func hasOption(_ name: String) -> Bool {
        ((self["params"] ?? self["options"])?.array ?? []).contains {
            $0["DefElem"]?["defname"]?.string == name && $0["DefElem"]?.isOff != true
        }
    }

    /// Whether an option is given as off; one without a value is on.
    fileprivate var isOff: Bool {
        guard let argument = self["arg"] else { return false }
        if let word = argument["String"]?["sval"]?.string {
            return ["off", "false", "no", "0"].contains(word.lowercased())
        }
        // A zero is left out of the tree.
        if let number = argument["Integer"] { return number["ival"]?.int ?? 0 == 0 }
        return argument["Boolean"].map { $0["boolval"]?.bool != true } ?? false
    }
}
