internal import Logging
internal import ProxyConfiguration
internal import ServiceLifecycle
internal import UnixSignals

/// Reads the configuration anew on SIGHUP. What is wrong with it leaves everything as it was.
struct ReloadService: Service {
    /// Reads the file and the environment that the process was started with.
    let load: @Sendable () throws(ConfigurationErrors) -> ProxyConfiguration
    /// Gives effect to what has changed.
    let apply: @Sendable (ProxyConfiguration) throws -> Void
    let initial: ProxyConfiguration
    let manager: ServiceManager?
    /// What the service manager shows between reloads.
    let status: String
    let logs: LogOutput
    let logger: Logger

    func run() async throws {
        var running = initial
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            manager?.reloading()
            let problem = reload(&running)
            manager?.ready(status: problem.map { "\(status); \($0)" } ?? status)
        }
    }

    /// - Returns: what the service manager is to show of it; nil where all is well.
    private func reload(_ running: inout ProxyConfiguration) -> String? {
        let new: ProxyConfiguration
        do throws(ConfigurationErrors) {
            new = try load()
        } catch {
            for problem in error.description.split(separator: "\n") {
                logger.error("the configuration is wrong", metadata: ["problem": "\(problem)"])
            }
            logger.error("the configuration was not reloaded; the old one stays in effect")
            return "the last reload failed: the configuration is wrong"
        }
        let reload = running.reloaded(as: new)
        do {
            try apply(reload.configuration)
        } catch {
            logger.error(
                "the configuration was not reloaded; the old one stays in effect",
                metadata: ["reason": "\(error)"]
            )
            return "the last reload failed"
        }
        running = reload.configuration
        for key in reload.needRestart {
            logger.warning("a changed key needs a restart; its old value stays in effect", metadata: ["key": "\(key)"])
        }
        let changed = reload.applied.joined(separator: ", ")
        logger.notice(
            "the configuration was reloaded",
            metadata: ["changed": "\(changed.isEmpty ? "nothing" : changed)"]
        )
        // Last, so that a level that is raised does not swallow what has just been said.
        logs.reload(reload.configuration.log)
        if reload.needRestart.isEmpty { return nil }
        return "needs a restart for \(reload.needRestart.joined(separator: ", "))"
    }
}
