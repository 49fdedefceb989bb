import Foundation
import ProcessSupport
import Synchronization

/// A program that a test started. It writes into a log file, which failures quote.
final class ChildProcess: Sendable {
    enum End: Sendable, Equatable {
        case exited(Int32)
        case killed(by: Int32)
    }

    typealias Failure = ProcessFailure

    let pid: pid_t
    let logFile: URL
    private let end = Mutex<End?>(nil)

    init(_ program: String, _ arguments: [String], environment: [String: String]? = nil, logFile: URL) throws {
        self.logFile = logFile
        pid = try spawn(
            program,
            arguments,
            environment: environment ?? ProcessInfo.processInfo.environment,
            logFile: logFile
        )
    }

    /// How it ended; nil while it runs.
    var ended: End? {
        end.withLock { end in
            if end != nil { return end }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            end = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(by: status & 0x7f)
            return end
        }
    }

    /// Does nothing once it has ended: the number may be another's by then.
    func send(signal: Int32) {
        if ended == nil { kill(pid, signal) }
    }

    func waitForEnd(within limit: Duration = .seconds(10)) async throws -> End {
        guard try await eventually(within: limit, { ended != nil }), let end = ended else {
            throw Failure(description: "process \(pid) goes on; it said:\n\(log)")
        }
        return end
    }

    /// Ends it at once, and returns when it is gone.
    func killNow() async {
        send(signal: SIGKILL)
        _ = try? await eventually(within: .seconds(5)) { ended != nil }
    }

    var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }

    /// Runs a program to its end.
    static func run(_ program: String, _ arguments: [String], within limit: Duration = .seconds(60)) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "cistern-run-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = try ChildProcess(program, arguments, logFile: file)
        let end = try await process.waitForEnd(within: limit)
        guard end == .exited(0) else { throw Failure(description: "\(program): \(end)\n\(process.log)") }
    }
}
