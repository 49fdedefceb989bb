internal import ArgumentParser
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ProxyConfiguration
internal import QueryCache
internal import ServiceLifecycle
internal import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve queries until SIGTERM or SIGINT.",
        discussion: """
            On SIGTERM or SIGINT it stops accepting, answers what is under way for up to listen.drain_timeout, and ends. On \
            SIGHUP it reads its configuration anew. Under systemd it says when it is ready (Type=notify) and that it \
            lives (WatchdogSec).
            """
    )

    @Option(
        name: [.short, .long],
        help: "The configuration file; without it, the defaults and the environment.",
        completion: .file()
    )
    var config: String?

    @Flag(help: "Write the log as JSON, whatever the configuration says.")
    var json = false

    @Option(help: ArgumentHelp("Serve stale answers for a test's sake: switch a guard off.", visibility: .private))
    var withoutGuard: [String] = []

    func run() async throws {
        let environment = ProxyConfiguration.processEnvironment
        let load: @Sendable () throws(ConfigurationErrors) -> ProxyConfiguration = {
            [config, json] () throws(ConfigurationErrors) in
            var configuration = try ProxyConfiguration.loadChecked(config, environment: environment)
            if json { configuration.log.format = .json }
            return configuration
        }
        let configuration: ProxyConfiguration
        do throws(ConfigurationErrors) {
            configuration = try load()
        } catch {
            StandardError.write("\(error)\n")
            throw ExitCode.configuration
        }
        let logs = LogOutput(configuration.log)
        logs.bootstrap()
        let logger = logs.logger(.main)
        // A terminal that hangs up must not end it, nor a reload that is asked for too early.
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.listen.threads)
        let manager = ServiceManager(environment: environment)
        let status = "serving on \(configuration.listen.line)"
        let proxy: Proxy
        do {
            proxy = try Proxy(configuration, guards: try guards(logger), group: group, logs: logs) { _ in
                manager?.ready(status: status)
            }
        } catch let error as ValidationError {
            throw error
        } catch {
            complain("\(error)")
            throw ExitCode.configuration
        }
        var services = proxy.services
        services.append(
            ReloadService(
                load: load,
                apply: { [proxy] in try proxy.reload($0) },
                initial: configuration,
                manager: manager,
                status: status,
                logs: logs,
                logger: logger
            )
        )
        if let manager {
            let watchdog = ServiceManagerService.watchdogInterval(environment: environment, processID: getpid())
            services.append(ServiceManagerService(manager: manager, watchdog: watchdog, group: group))
        }
        try await run(services, logger)
    }

    /// Until a signal asks to stop, or a service cannot go on.
    private func run(_ services: [any Service], _ logger: Logger) async throws {
        let running = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        do {
            try await running.run()
        } catch {
            complain("\(error)")
            throw ExitCode.unavailable
        }
    }

    private func guards(_ logger: Logger) throws -> QueryCacheGuards {
        var guards = QueryCacheGuards()
        for name in withoutGuard {
            guard guards.switchOff(name) else {
                throw ValidationError("no guard is called \(name); there are \(QueryCacheGuards.names)")
            }
            logger.critical("a guard against stale answers is switched off", metadata: ["guard": "\(name)"])
        }
        return guards
    }
}
