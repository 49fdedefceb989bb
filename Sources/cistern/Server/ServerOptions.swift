internal import ArgumentParser
internal import CisternClient
internal import NIOCore
internal import ProxyConfiguration

/// Which server a command speaks to, and whether it prints for people or for programs.
struct ServerOptions: ParsableArguments {
    @Option(
        name: [.customLong("connect"), .customLong("server")],
        help: ArgumentHelp(
            "The proxy's address.",
            discussion: "Without it CISTERN_ADDRESS is taken, then 127.0.0.1:7432.",
            valueName: "host:port"
        )
    )
    var connect: ServerAddress?

    @Flag(help: "Print the server's answer as it came, one JSON object a line.")
    var json = false

    var address: ServerAddress {
        get throws(CommandFailure) {
            try .chosen(
                option: connect,
                variable: "CISTERN_ADDRESS",
                environment: ProxyConfiguration.processEnvironment,
                default: .defaultLine
            )
        }
    }

    var paint: Paint {
        Paint(isTerminal: StandardOutput.isTerminal, environment: ProxyConfiguration.processEnvironment)
    }

    /// Runs a command's body with a connection; what goes wrong is said on standard error.
    ///
    /// - Throws: the exit status.
    func run(_ body: (ServerConnection) async throws -> Void) async throws {
        try await reporting {
            let connection = try await ServerConnection.open(try address)
            do {
                try await body(connection)
                await connection.close()
            } catch {
                await connection.close()
                throw error
            }
        }
    }

    /// Asks one thing. With `--json` the answer is printed, be it an error, and the body is not called.
    func run(asking line: String, _ show: (Answer) throws -> Void) async throws {
        try await run { connection in
            let text = try await connection.ask(line)
            if json { StandardOutput.line(text) }
            let answer = try Answer(text)
            if !json { try show(answer) }
        }
    }
}

/// Says what went wrong, and ends with the status for it.
func reporting(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as CommandFailure {
        complain(failure.message)
        throw failure.code
    }
}

/// A connection to a proxy whose failures are in words.
struct ServerConnection: Sendable {
    let address: ServerAddress
    private let connection: CisternConnection

    static func open(_ address: ServerAddress) async throws -> ServerConnection {
        do {
            let connection = try await CisternConnection.connect(host: address.host, port: address.port)
            return ServerConnection(address: address, connection: connection)
        } catch {
            let option = "--connect host:port, or the variable CISTERN_ADDRESS"
            let reason = await ConnectFailure.error(at: address) ?? error
            throw CommandFailure(ConnectFailure.message(reason, at: address, option: option), .unavailable)
        }
    }

    /// - Returns: the line that answers.
    func ask(_ line: String) async throws -> String {
        do {
            return String(buffer: try await connection.send(ByteBuffer(string: line)))
        } catch {
            let advice = "Was it stopped, or does it speak TLS? These commands speak plain text."
            throw CommandFailure("\(address) closed the connection: \(error.message)\n\(advice)", .unavailable)
        }
    }

    func close() async {
        await connection.close()
    }
}
