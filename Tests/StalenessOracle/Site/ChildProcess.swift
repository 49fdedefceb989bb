import Foundation
import Synchronization

/// A program that the oracle started, and ends by its number.
///
/// It begins with an empty signal mask: it would inherit that of whichever thread started it.
final class ChildProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    let logFile: URL
    private let isGone = Mutex(false)
    private static let living = Mutex<[pid_t: ChildProcess]>([:])

    /// - Parameter variables: over those of this process, without any that configures a proxy.
    init(_ program: String, _ arguments: [String], _ variables: [String: String] = [:], logFile: URL) throws {
        self.logFile = logFile
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !["CISTERN_", "DATABASE_", "REDIS_", "PG"].contains { name.hasPrefix($0) }
        }
        environment.merge(variables) { _, own in own }
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
        var settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + settings { free(pointer) } }
        var pid: pid_t = 0
        let error = posix_spawnp(&pid, program, &actions, &attributes, &words, &settings)
        guard error == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(error)))") }
        self.pid = pid
        Self.living.withLock { $0[pid] = self }
    }

    var isRunning: Bool {
        isGone.withLock { isGone in
            if !isGone, waitpid(pid, nil, WNOHANG) == pid {
                isGone = true
                Self.living.withLock { $0[pid] = nil }
            }
            return !isGone
        }
    }

    /// Ends it at once, and returns when it is gone.
    func kill() async {
        sendKill()
        while isRunning { try? await Task.sleep(for: .milliseconds(2)) }
    }

    private func sendKill() {
        // Once it has ended the number may be another's.
        if isRunning { _ = Foundation.kill(pid, SIGKILL) }
    }

    /// For the last moment of this process.
    static func killAll() {
        for process in living.withLock({ Array($0.values) }) { process.sendKill() }
    }

    var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }
}

/// Looks again and again until it is so.
///
/// - Throws: when it has not come to be so in time.
func eventually(_ what: String, within limit: Duration, _ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while !(try await isSo()) {
        guard ContinuousClock.now < end else { throw ChildProcess.Failure(description: "in \(limit) not \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
