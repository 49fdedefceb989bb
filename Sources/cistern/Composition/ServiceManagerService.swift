internal import NIOCore
internal import ServiceLifecycle

/// Keeps the service manager informed: that the process lives, and that it stops.
///
/// It is the last service, so that it is the first to be told of a stop: the others stop one after another, and the first
/// of them may take as long as clients wait for answers.
struct ServiceManagerService: Service {
    let manager: ServiceManager
    /// How often the manager wants to hear; nil where it does not.
    let watchdog: Duration?
    let group: any EventLoopGroup

    /// Half of what systemd allows, as it recommends; nil where it does not watch this process.
    static func watchdogInterval(environment: [String: String], processID: Int32) -> Duration? {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0 else {
            return nil
        }
        if let watched = environment["WATCHDOG_PID"], watched != "\(processID)" { return nil }
        return .microseconds(microseconds / 2)
    }

    func run() async throws {
        if let watchdog {
            await cancelWhenGracefulShutdown {
                while !Task.isCancelled {
                    // An event loop that hangs answers nobody's requests: it must keep the sign of life from going out.
                    for loop in group.makeIterator() { try? await loop.submit {}.get() }
                    manager.alive()
                    try? await Task.sleep(for: watchdog)
                }
            }
        } else {
            try? await gracefulShutdown()
        }
        manager.stopping(status: "answering what is under way")
    }
}
