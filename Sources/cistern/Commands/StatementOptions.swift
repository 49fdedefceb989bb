internal import ArgumentParser
internal import JSONText
internal import NIOCore

/// A statement with what goes along with it.
struct StatementOptions: ParsableArguments {
    @Argument(help: "The statement, with $1, $2 … for parameters.")
    var sql: String

    @Argument(help: "The parameters' values, as text.")
    var parameters: [String] = []

    @Option(help: "The namespace whose TTL and limits apply.")
    var ns: String?

    @Option(help: "A tag of the entry; may be repeated.")
    var tag: [String] = []

    @Option(help: "Seconds to keep the answer; 0 does not store it.")
    var ttl: Double?

    @Flag(help: "Neither read the cache nor store the answer.")
    var noCache = false

    @Flag(help: "Compare the entry's generations in Redis.")
    var strict = false

    @Option(help: ArgumentHelp("A PostgreSQL setting for the statement; may be repeated.", valueName: "name=value"))
    var set: [String] = []

    /// The request as a line.
    func request(_ operation: String) throws -> ByteBuffer {
        var members: [(key: String, value: JSONValue)] = [("op", .string(operation)), ("sql", .string(sql))]
        if !parameters.isEmpty { members.append(("params", .array(parameters.map { .string($0) }))) }
        if let ns { members.append(("ns", .string(ns))) }
        if !tag.isEmpty { members.append(("tags", .array(tag.map { .string($0) }))) }
        if let ttl { members.append(("ttl", .number("\(ttl)"))) }
        if noCache { members.append(("cache", .bool(false))) }
        if strict { members.append(("consistency", .string("strict"))) }
        if !set.isEmpty {
            members.append(
                (
                    "settings",
                    .object(
                        try set.map { setting in
                            guard let equals = setting.firstIndex(of: "=") else {
                                throw ValidationError("--set must be name=value, not \(setting)")
                            }
                            return (
                                String(setting[..<equals]), .string(String(setting[setting.index(after: equals)...]))
                            )
                        }
                    )
                )
            )
        }
        return ByteBuffer(string: JSONValue.object(members).jsonText)
    }
}
