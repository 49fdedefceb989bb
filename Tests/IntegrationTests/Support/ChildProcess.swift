import Foundation
import Synchronization

/// A program that a test started. It writes into a log file, which failures quote.
///
/// It is started with an empty signal mask: a child would inherit that of whichever thread started it, and with it a
/// deaf ear for SIGTERM.
final class ChildProcess: Sendable {
    enum End: Sendable, Equatable {
        case exited(Int32)
        case killed(by: Int32)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    let logFile: URL
    private let end = Mutex<End?>(nil)

    init(_ program: String, _ arguments: [String], environment: [String: String]? = nil, logFile: URL) throws {
        self.logFile = logFile
        let environment = environment ?? ProcessInfo.processInfo.environment
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, logFile.path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pid: pid_t = 0
        let error = posix_spawnp(&pid, program, &actions, &attributes, &words, &variables)
        guard error == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(error)))") }
        self.pid = pid
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

/// Looks again and again until it is so, and says whether it came to be so in time.
func eventually(within limit: Duration, _ isSo: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while true {
        if try await isSo() { return true }
        if ContinuousClock.now >= end { return false }
        try await Task.sleep(for: .milliseconds(5))
    }
}
