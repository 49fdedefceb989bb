import CisternClient
import Foundation
import ProcessSupport

/// A redis-server of the oracle's own.
struct RedisServer: Sendable {
    enum Contents: Sendable {
        case empty
        /// What it held at the last SAVE.
        case lastSnapshot
    }

    let port: Int
    let folder: URL

    var url: String { "redis://127.0.0.1:\(port)/0" }

    private var snapshot: URL { folder.appending(path: "dump.rdb") }
    var hasSnapshot: Bool { FileManager.default.fileExists(atPath: snapshot.path) }

    /// Returns when it answers.
    func start(with contents: Contents) async throws -> ChildProcess {
        if contents == .empty { try? FileManager.default.removeItem(at: snapshot) }
        let process = try ChildProcess(
            "redis-server",
            [
                "--bind", "127.0.0.1", "--port", "\(port)", "--dir", folder.path, "--save", "", "--appendonly", "no",
            ],
            logFile: folder.appending(path: "redis.log")
        )
        try await eventually("redis-server answering", within: .seconds(20)) {
            guard process.isRunning else { throw ChildProcess.Failure(description: process.log) }
            return (try? await reply("PING")) == "+PONG"
        }
        return process
    }

    /// The first line of the reply to a command without spaces in its words.
    @discardableResult
    func reply(_ command: String) async throws -> String {
        let connection = try await CisternConnection.connect(host: "127.0.0.1", port: port)
        do {
            let reply = try await connection.send(command)
            await connection.close()
            return reply.hasSuffix("\r") ? String(reply.dropLast()) : reply
        } catch {
            await connection.close()
            throw error
        }
    }
}
