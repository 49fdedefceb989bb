internal import ArgumentParser

@main
struct Cistern: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "cistern",
        abstract: "A read-through caching proxy for PostgreSQL queries.",
        discussion: """
            Exit status: 0 when all went well; 1 when a server answered with an error; 64 for wrong usage; 69 when a server \
            cannot be reached, or is too old; 78 when the configuration is wrong.
            """,
        version: version,
        subcommands: [
            Serve.self, Check.self, Query.self, Explain.self, Invalidate.self, Stats.self, Ping.self, Bench.self,
        ]
    )
}

extension ExitCode {
    /// A server cannot be reached, or is too old (EX_UNAVAILABLE of sysexits.h).
    static let unavailable = ExitCode(69)
    /// The configuration is wrong (EX_CONFIG).
    static let configuration = ExitCode(78)
}
