/// What a prompt does with each line that is typed. Knows no terminal and no server.
struct PromptMachine {
    enum Action: Equatable {
        case run(String)
        case explain(String)
        /// The server's counters.
        case statistics
        case show(String)
        case quit
    }

    /// Whether how long it took is shown.
    private(set) var showsTime = true
    private(set) var isJSON = false
    private(set) var isStrict = false
    /// Nil for the one that the statement's tables belong to.
    private(set) var namespace: String?
    private var scanner = StatementScanner()
    private var lastStatement: String?

    init(isJSON: Bool, isStrict: Bool, namespace: String?) {
        self.isJSON = isJSON
        self.isStrict = isStrict
        self.namespace = namespace
    }

    /// What is shown before the next line.
    var prompt: String {
        scanner.isInStatement ? "cistern\(scanner.sign)> " : "cistern=> "
    }

    mutating func read(_ line: String) -> [Action] {
        if !scanner.isInStatement {
            let text = line.drop(while: \.isWhitespace)
            if text.isEmpty { return [] }
            if text.hasPrefix("\\") { return command(String(text.dropFirst())) }
            switch text.lowercased().filter({ $0 != ";" && !$0.isWhitespace }) {
            case "quit", "exit": return [.quit]
            case "help": return [.show(Self.help)]
            default: break
            }
        }
        let statements = scanner.read(line + "\n")
        if let last = statements.last { lastStatement = last }
        return statements.map { .run($0) }
    }

    /// Ctrl-C: what has been typed of a statement is given up.
    mutating func interrupted() {
        scanner = StatementScanner()
    }

    private mutating func command(_ text: String) -> [Action] {
        let words = text.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
        let argument = words.count > 1 ? words[1].trimmed : nil
        switch words.first {
        case "q", "quit": return [.quit]
        case "?", "h", "help": return [.show(Self.help)]
        case "timing": return flag(\.showsTime, "timing", argument)
        case "json": return flag(\.isJSON, "JSON", argument)
        case "strict": return flag(\.isStrict, "strict reads", argument)
        case "stats": return [.statistics]
        case "ns":
            namespace = argument
            return [.show("namespace: \(argument ?? "the tables' own")")]
        case "explain":
            guard let sql = argument ?? lastStatement else { return [.show("\\explain needs a statement")] }
            return StatementScanner.statements(in: sql).map { .explain($0) }
        default: return [.show("\\\(words.first ?? "") is not known; \\? shows what is")]
        }
    }

    private mutating func flag(
        _ path: WritableKeyPath<Self, Bool>,
        _ name: String,
        _ argument: String?
    ) -> [Action] {
        switch argument {
        case nil: self[keyPath: path].toggle()
        case "on": self[keyPath: path] = true
        case "off": self[keyPath: path] = false
        default: return [.show("on or off")]
        }
        return [.show("\(name): \(self[keyPath: path] ? "on" : "off")")]
    }

    private static let help = """
        A statement runs when its semicolon is typed; it may take several lines. Ctrl-C gives it up, Ctrl-D ends.
          \\explain [STATEMENT]  what would be done with a statement; without one, with the last
          \\timing [on|off]      where an answer came from and how long it took
          \\ns [NAME]            the namespace of what follows; without a name, the tables' own
          \\strict [on|off]      compare generations in Redis
          \\json [on|off]        answers as they came
          \\stats                the server's counters
          \\q                    end
        """
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
