internal import ArgumentParser
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ProxyConfiguration
internal import QueryCache
internal import RedisClient
internal import ServiceLifecycle
internal import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve queries until SIGTERM or SIGINT.",
        discussion: "On the first signal it stops accepting, answers what is in flight, and ends."
    )

    @Option(name: [.short, .long], help: "The configuration file; without it, the defaults and the environment.")
    var config: String?

    @Option(help: ArgumentHelp("Serve stale answers for a test's sake: switch a guard off.", visibility: .private))
    var withoutGuard: [String] = []

    func run() async throws {
        let configuration = try loadConfiguration(config)
        configuration.log.bootstrap()
        let logger = Logger(label: "cistern")
        var guards = QueryCacheGuards()
        for name in withoutGuard {
            guard guards.switchOff(name) else {
                throw ValidationError("no guard is called \(name); there are \(QueryCacheGuards.names)")
            }
            logger.critical("a guard against stale answers is switched off", metadata: ["guard": "\(name)"])
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let proxy: Proxy
        do {
            proxy = try Proxy(configuration, guards: guards, group: group, logger: logger)
        } catch {
            complain("\(error)")
            throw ExitCode.configuration
        }
        // A terminal that hangs up, or a supervisor that asks for a reload, must not end it.
        signal(SIGHUP, SIG_IGN)
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: proxy.services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        do {
            try await services.run()
        } catch {
            complain("\(error)")
            throw ExitCode.unavailable
        }
    }
}
