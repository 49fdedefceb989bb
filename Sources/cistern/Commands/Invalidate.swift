internal import ArgumentParser
internal import JSONText

struct Invalidate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drop entries, on every proxy.",
        discussion: "Every entry that depends on one of the names goes; options may be given together."
    )

    @OptionGroup var options: ServerOptions

    @Option(help: "A tag that requests gave their entries; may be repeated.")
    var tag: [String] = []

    @Option(help: "A glob over tags and over keys of the cache service: products:org:*")
    var pattern: String?

    @Option(help: "A namespace; may be repeated.")
    var ns: [String] = []

    @Option(help: "A table, with its schema: public.products; may be repeated.")
    var table: [String] = []

    @Option(help: "A key of the cache service; may be repeated.")
    var key: [String] = []

    @Flag(help: "Everything.")
    var all = false

    @Option(help: "For those who read the invalidation channel.")
    var reason: String?

    func validate() throws {
        if tag.isEmpty && pattern == nil && ns.isEmpty && table.isEmpty && key.isEmpty && !all {
            throw ValidationError("name what to drop: --tag, --pattern, --ns, --table, --key or --all")
        }
    }

    func run() async throws {
        var members: [(key: String, value: JSONValue)] = [("op", .string("invalidate"))]
        for (name, names) in [("tags", tag), ("ns", ns), ("tables", table), ("keys", key)] where !names.isEmpty {
            members.append((name, .array(names.map { .string($0) })))
        }
        if let pattern { members.append(("pattern", .string(pattern))) }
        if all { members.append(("all", .bool(true))) }
        if let reason { members.append(("reason", .string(reason))) }
        try await options.run(asking: JSONValue.object(members).jsonText) { answer in
            let isComplete = answer.value["invalidated"]?["complete"]?.bool ?? false
            let problem = "dropped here; Redis is away and is told first thing when it is back"
            StandardOutput.line(isComplete ? "dropped" : problem)
        }
    }
}
