internal import ArgumentParser
internal import JSONText

/// A statement's parameters, and what goes along with it.
struct StatementOptions: ParsableArguments {
    @Argument(help: "The statement, with $1, $2 … for parameters. Without it: --file, standard input, or a prompt.")
    var sql: String?

    @Argument(help: "The parameters' values, as text.")
    var parameters: [String] = []

    @Option(
        name: [.customShort("p"), .customLong("param")],
        help: ArgumentHelp("A parameter's value, as text; may be repeated.", valueName: "value")
    )
    var param: [String] = []

    @Option(help: ArgumentHelp("All parameters as a JSON array: '[42, \"x\", null]'.", valueName: "json"))
    var params: String?

    @Option(help: ArgumentHelp("A file of statements, each ended by ;", valueName: "path"), completion: .file())
    var file: String?

    @Option(help: "The namespace whose TTL and limits apply.")
    var ns: String?

    @Option(help: "A tag of the entry; may be repeated.")
    var tag: [String] = []

    @Option(help: "Seconds to keep the answer; 0 does not store it.")
    var ttl: Double?

    @Option(help: ArgumentHelp("Milliseconds that the statement may take.", valueName: "ms"))
    var timeout: Int?

    @Flag(help: "Neither read the cache nor store the answer.")
    var noCache = false

    @Flag(help: "Compare the entry's generations in Redis.")
    var strict = false

    @Option(help: ArgumentHelp("A PostgreSQL setting for the statement; may be repeated.", valueName: "name=value"))
    var set: [String] = []

    func validate() throws {
        if sql != nil && file != nil { throw ValidationError("give a statement or --file, not both") }
        if params != nil && !(param.isEmpty && parameters.isEmpty) {
            throw ValidationError("give the parameters one by one or as --params, not both")
        }
        if let params {
            guard let value = try? JSONValue(parsing: params), value.array != nil else {
                throw ValidationError("--params must be a JSON array, such as '[42, \"x\", null]'")
            }
        }
        if let ttl, !(ttl >= 0 && ttl.isFinite) { throw ValidationError("--ttl must be a number of seconds from 0") }
        for setting in set where !setting.contains("=") {
            throw ValidationError("--set must be name=value, not \(setting)")
        }
    }

    /// The request as a line.
    ///
    /// - Parameter sql: exactly one statement.
    func request(_ operation: String, _ sql: String) -> String {
        var members: [(key: String, value: JSONValue)] = [("op", .string(operation)), ("sql", .string(sql))]
        let texts = parameters + param
        if let params, let value = try? JSONValue(parsing: params) {
            members.append(("params", value))
        } else if !texts.isEmpty {
            members.append(("params", .array(texts.map { .string($0) })))
        }
        if let ns { members.append(("ns", .string(ns))) }
        if !tag.isEmpty { members.append(("tags", .array(tag.map { .string($0) }))) }
        if let ttl { members.append(("ttl", .number("\(ttl)"))) }
        if let timeout { members.append(("timeout_ms", .number("\(timeout)"))) }
        if noCache { members.append(("cache", .bool(false))) }
        if strict { members.append(("consistency", .string("strict"))) }
        if !set.isEmpty { members.append(("settings", .object(set.map(Self.setting)))) }
        return JSONValue.object(members).jsonText
    }

    private static func setting(_ text: String) -> (key: String, value: JSONValue) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), .string(parts.count > 1 ? String(parts[1]) : ""))
    }
}
