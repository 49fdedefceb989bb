/// Why a statement that only makes sense in a session is refused.
struct Refusal {
    var name: String
    var advice: String
    /// A transaction of one request may hold it, and ends it.
    var isAllowedInTransaction = true

    var kind: StatementShape.Kind { .refused(name: name, advice: advice) }

    static let set = Refusal(
        name: "SET",
        advice: "give \"settings\" with the request",
        isAllowedInTransaction: false
    )
    static let setLocal = Refusal(name: "SET LOCAL", advice: "give \"settings\" with the request")
    static let reset = Refusal(
        name: "RESET",
        advice: "settings given with a request end with it",
        isAllowedInTransaction: false
    )
    static let prepare = Refusal(
        name: "PREPARE",
        advice: "send the statement with \"params\"; it is prepared as needed"
    )
    static let execute = Refusal(name: "EXECUTE", advice: "send the statement itself with \"params\"")
    static let deallocate = Refusal(name: "DEALLOCATE", advice: "nothing is left prepared")
    static let listen = Refusal(
        name: "LISTEN",
        advice: "use a connection of your own to PostgreSQL",
        isAllowedInTransaction: false
    )
    static let unlisten = Refusal(
        name: "UNLISTEN",
        advice: "use a connection of your own to PostgreSQL",
        isAllowedInTransaction: false
    )
    static let discard = Refusal(
        name: "DISCARD",
        advice: "nothing of a session is left to discard",
        isAllowedInTransaction: false
    )
    static let lock = Refusal(name: "LOCK TABLE", advice: "use the op \"transaction\"")
    static let copyFromClient = Refusal(
        name: "COPY FROM STDIN",
        advice: "use INSERT, or a connection of your own",
        isAllowedInTransaction: false
    )
    static let copyToClient = Refusal(
        name: "COPY TO STDOUT",
        advice: "use SELECT, or a connection of your own",
        isAllowedInTransaction: false
    )

    static func transaction(_ name: String) -> Refusal {
        Refusal(name: name, advice: "use the op \"transaction\"", isAllowedInTransaction: false)
    }

    static func savepoint(_ name: String) -> Refusal {
        Refusal(name: name, advice: "use the op \"transaction\"")
    }

    static func twoPhase(_ name: String) -> Refusal {
        Refusal(name: name, advice: "use a connection of your own to PostgreSQL", isAllowedInTransaction: false)
    }

    static func cursor(_ name: String) -> Refusal {
        Refusal(name: name, advice: "use LIMIT and a condition on the key to read in parts")
    }

    static func temporary(_ name: String) -> Refusal {
        Refusal(name: name, advice: "use the op \"transaction\", or a table that stays")
    }
}

extension Refusal {
    /// By the first words alone, for a text that this grammar does not know but a newer server's may.
    init?(words: [SmallWord]) {
        guard let first = words.first else { return nil }
        let second = words.count > 1 ? words[1] : ""
        switch first {
        case "set": self = second == "local" || second == "constraints" || second == "transaction" ? .setLocal : .set
        case "reset": self = .reset
        case "begin": self = .transaction("BEGIN")
        case "start": self = .transaction("START TRANSACTION")
        case "commit", "end": self = .transaction("COMMIT")
        case "rollback", "abort": self = .transaction("ROLLBACK")
        case "savepoint": self = .savepoint("SAVEPOINT")
        case "release": self = .savepoint("RELEASE")
        case "prepare": self = second == "transaction" ? .twoPhase("PREPARE TRANSACTION") : .prepare
        case "execute": self = .execute
        case "deallocate": self = .deallocate
        case "declare": self = .cursor("DECLARE")
        case "fetch": self = .cursor("FETCH")
        case "move": self = .cursor("MOVE")
        case "close": self = .cursor("CLOSE")
        case "listen": self = .listen
        case "unlisten": self = .unlisten
        case "discard": self = .discard
        case "lock": self = .lock
        case "copy":
            if words.contains("stdin") {
                self = .copyFromClient
            } else if words.contains("stdout") {
                self = .copyToClient
            } else {
                return nil
            }
        case "create":
            let isTemporary = words.dropFirst().prefix(5).contains { $0 == "temp" || $0 == "temporary" }
            guard isTemporary else { return nil }
            self = .temporary("CREATE TEMPORARY")
        default: return nil
        }
    }
}
