package import Foundation

/// A program could not be started, or did not do what it was started for.
package struct ProcessFailure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// Starts a program that writes into a log file and reads nothing.
///
/// It begins with an empty signal mask: a child would inherit that of whichever thread started it, and with it a deaf
/// ear for SIGTERM.
package func spawn(
    _ program: String,
    _ arguments: [String],
    environment: [String: String],
    logFile: URL
) throws -> pid_t {
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
    guard error == 0 else { throw ProcessFailure(description: "\(program): \(String(cString: strerror(error)))") }
    return pid
}

/// This process's variables without any that configures a proxy, and others over them. Proxies stand side by side, and the
/// default address for HTTP could be one's only, so it is off where nothing else is said.
package func environmentForProxy(adding variables: [String: String]) -> [String: String] {
    var environment = ProcessInfo.processInfo.environment.filter { name, _ in
        !["CISTERN_", "DATABASE_", "REDIS_", "PG"].contains { name.hasPrefix($0) }
    }
    environment["CISTERN_LISTEN_HTTP"] = ""
    return environment.merging(variables) { _, own in own }
}
