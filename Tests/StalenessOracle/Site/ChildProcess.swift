import Foundation
import ProcessSupport
import Synchronization

/// A program that the oracle started, and ends by its number.
final class ChildProcess: Sendable {
    typealias Failure = ProcessFailure

    let pid: pid_t
    let logFile: URL
    private let isGone = Mutex(false)
    private static let living = Mutex<[pid_t: ChildProcess]>([:])

    /// - Parameter variables: over those of this process, without any that configures a proxy.
    init(_ program: String, _ arguments: [String], _ variables: [String: String] = [:], logFile: URL) throws {
        self.logFile = logFile
        pid = try spawn(program, arguments, environment: environmentForProxy(adding: variables), logFile: logFile)
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
