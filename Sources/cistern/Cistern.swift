internal import ArgumentParser

@main
struct Cistern: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "cistern",
        abstract: "A read-through caching proxy for PostgreSQL queries.",
        discussion: """
            Exit status: 0 when all went well; 1 when a server answered with an error; 64 for wrong usage; 66 when a file \
            cannot be read; 69 when a server cannot be reached, or is too old; 74 when the output cannot be written; 76 \
            when what answers is no Cistern; 78 when the configuration is wrong.

            Colours are left out where the output is no terminal, or NO_COLOR is set.

            Completions: cistern --generate-completion-script bash (or zsh, or fish).
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(name: "Server", subcommands: [Serve.self, Check.self]),
            CommandGroup(name: "Statements", subcommands: [Query.self, Explain.self, Invalidate.self]),
            CommandGroup(
                name: "Operation",
                subcommands: [Top.self, Stats.self, Advise.self, Sessions.self, Ping.self, Bench.self]
            ),
        ]
    )
}

extension ExitCode {
    // The numbers of sysexits.h.
    /// A file cannot be read.
    static let noInput = ExitCode(66)
    /// A server cannot be reached, or is too old.
    static let unavailable = ExitCode(69)
    /// The output cannot be written.
    static let inputOutput = ExitCode(74)
    /// What answers does not speak the protocol.
    static let protocolError = ExitCode(76)
    /// The configuration is wrong.
    static let configuration = ExitCode(78)
}
