internal import ArgumentParser
internal import CisternClient
internal import Foundation
internal import ProxyConfiguration

/// Which server a command speaks to.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server's address.", valueName: "host:port"))
    var server = "127.0.0.1:7432"

    /// Opens a connection, does something with it, and closes it.
    func withConnection<Result: Sendable>(
        _ body: (CisternConnection) async throws -> Result
    ) async throws -> Result {
        guard let colon = server.lastIndex(of: ":"), let port = Int(server[server.index(after: colon)...]) else {
            throw ValidationError("--server must be host:port, such as 127.0.0.1:7432")
        }
        let host = server[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let connection: CisternConnection
        do {
            connection = try await CisternConnection.connect(host: host.isEmpty ? "127.0.0.1" : host, port: port)
        } catch {
            complain(error.message)
            throw ExitCode.unavailable
        }
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch let error as CisternError {
            complain("\(server): \(error.message)")
            throw ExitCode.unavailable
        }
    }
}

func complain(_ message: String) {
    FileHandle.standardError.write(Data("cistern: \(message)\n".utf8))
}
