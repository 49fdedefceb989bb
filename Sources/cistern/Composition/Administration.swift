internal import AdminHTTP
internal import LineProtocol
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Observability
internal import ProxyConfiguration
internal import QueryCache
internal import QueryProxy
internal import RedisClient
internal import ServiceLifecycle

/// What the pages over HTTP show, and the services behind them.
struct Administration {
    /// A loop that nothing was heard of for so long, in nanoseconds, is stuck.
    private static let longestSilence: Int64 = 10_000_000_000

    let configuration: ProxyConfiguration
    /// With what reloads have changed.
    let inEffect: Reloadable<ProxyConfiguration>
    let proxy: QueryProxy
    let redis: RedisClient?
    let server: LineServer
    let operations: CacheOperations
    let group: any EventLoopGroup
    let logs: LogOutput

    /// In the order in which they start.
    func services() -> [any Service] {
        let lag = EventLoopLag(group)
        var services: [any Service] = [BackgroundService { await lag.run() }]
        let monitor = redis.map { redis in
            RedisMemoryMonitor(
                redis: redis,
                threshold: configuration.redis.memoryWarning,
                interval: configuration.redis.memoryCheck,
                logger: logs.logger(.redis)
            )
        }
        if let monitor { services.append(BackgroundService { await monitor.run() }) }
        guard let address = configuration.listen.http else { return services }
        let dashboard = dashboardSources(monitor)
        let feed = DashboardFeed(sources: dashboard)
        services.append(feed)
        var routes = AdminRoutes(
            hosts: HostRule(listeningOn: address.host),
            token: AdminToken(configuration.admin.token),
            sources: sources(monitor, lag)
        )
        routes.addDashboard(feed, dashboard)
        services.append(
            AdminServer(
                host: address.host,
                port: address.port,
                routes: routes,
                logger: logs.logger(.http)
            )
        )
        return services
    }

    private func dashboardSources(_ monitor: RedisMemoryMonitor?) -> DashboardSources {
        let (proxy, server, inEffect) = (proxy, server, inEffect)
        let advisor = Advisor(
            proxy: proxy,
            keys: redis == nil ? nil : RedisKeys(prefix: configuration.redis.keyPrefix),
            maximumEntryBytes: { inEffect.value.cache.maximumEntryBytes }
        )
        return DashboardSources(
            sample: { proxy.liveSample(at: $0) },
            figures: { time, order in
                proxy.liveFigures(
                    at: time,
                    stats: await server.statistics(of: proxy),
                    memory: monitor?.current,
                    queriesBy: order
                )
            },
            queries: { proxy.queryFigures(sortedBy: $0, limit: $1) },
            advice: { await advisor.advice() }
        )
    }

    private func sources(_ monitor: RedisMemoryMonitor?, _ lag: EventLoopLag) -> AdminSources {
        let (proxy, server, operations, inEffect) = (proxy, server, operations, inEffect)
        let build = BuildMetrics(version: Cistern.version)
        return AdminSources(
            metrics: {
                proxy.metrics(operations: operations, memory: monitor) + server.metrics + build.families(lag)
            },
            stats: { await server.statistics(of: proxy) },
            configuration: { inEffect.value.effectiveText },
            invalidate: { body in
                do throws(ProxyError) {
                    let request = try InvalidateRequest(json: body)
                    return await proxy.response(
                        to: .invalidate(request),
                        on: MultiThreadedEventLoopGroup.singleton.next()
                    )
                } catch {
                    proxy.refused(error)
                    return .failure(error)
                }
            },
            liveness: { Self.liveness(lag, uptime: build.uptime) },
            readiness: { Self.readiness(server, proxy) },
            redis: HealthProbe(silence: { "Redis did not answer in time" }) { await proxy.redisHealth(monitor) },
            postgres: HealthProbe(silence: { proxy.postgresSilence }) {
                await proxy.postgresHealth(within: .seconds(2))
            }
        )
    }

    private static func liveness(_ lag: EventLoopLag, uptime: Duration) -> HealthReport {
        let silence = lag.longestSilence
        let figures: [(name: String, value: HealthReport.Figure)] = [
            ("version", .text(Cistern.version)), ("uptime_seconds", .integer(Int(uptime.components.seconds))),
        ]
        guard silence < longestSilence else {
            let error = "an event loop has done nothing for \(silence / 1_000_000_000) s"
            return HealthReport(.unhealthy, error: error, figures: figures)
        }
        return HealthReport(.healthy, figures: figures)
    }

    private static func readiness(_ server: LineServer, _ proxy: QueryProxy) -> HealthReport {
        let absent = proxy.absent
        let figures: [(name: String, value: HealthReport.Figure)] = [("away", .list(absent))]
        switch server.phase {
        case .starting: return HealthReport(.unhealthy, error: "clients cannot connect yet", figures: figures)
        case .draining: return HealthReport(.unhealthy, error: "the server is shutting down", figures: figures)
        case .listening: break
        }
        guard proxy.hasMetPostgres else {
            return HealthReport(
                .unhealthy,
                error: "PostgreSQL has not been reached yet, and until then not even stored answers can be served",
                figures: figures
            )
        }
        return HealthReport(.healthy, figures: figures)
    }
}
