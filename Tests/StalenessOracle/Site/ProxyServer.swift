import CisternClient
import Foundation
import JSONText
import ProcessSupport

/// One `cistern serve`, always on the same port.
struct ProxyServer: Sendable {
    let number: Int
    let port: Int
    let program: String
    let arguments: [String]
    let variables: [String: String]
    let folder: URL

    func start() throws -> ChildProcess {
        var variables = variables
        variables["CISTERN_LISTEN_LINE"] = "127.0.0.1:\(port)"
        variables["CISTERN_LISTEN_HTTP"] = ""
        return try ChildProcess(
            program,
            ["serve"] + arguments,
            variables,
            logFile: folder.appending(path: "proxy\(number).log")
        )
    }

    /// Waits until it has PostgreSQL and Redis, and the proof that it hears the others.
    func isReady(_ process: ChildProcess) async throws {
        try await eventually("proxy \(number) ready", within: .seconds(30)) {
            guard process.isRunning else {
                throw ChildProcess.Failure(description: "proxy \(number) ended: \(process.log.suffix(2000))")
            }
            guard let text = try? await answer("STATS"), let stats = try? JSONValue(parsing: text) else { return false }
            return stats["memory"]?["trusted"]?.bool == true && stats["postgres"]?["available"]?.bool == true
                && (stats["postgres"]?["connects"]?.int ?? 0) > 0
        }
    }

    /// The answer to one line, over a connection of its own.
    func answer(_ line: String) async throws -> String {
        let connection = try await CisternConnection.connect(host: "127.0.0.1", port: port)
        do {
            let answer = try await connection.send(line)
            await connection.close()
            return answer
        } catch {
            await connection.close()
            throw error
        }
    }

    /// - Throws: what the proxy answered, where it refused.
    @discardableResult
    func run(_ sql: String) async throws -> JSONValue {
        let text = try await answer(JSONValue.object([("sql", .string(sql))]).jsonText)
        let answer = try JSONValue(parsing: text)
        guard answer["ok"]?.bool == true else { throw ChildProcess.Failure(description: "\(sql): \(text)") }
        return answer
    }
}
