internal import LineProtocol
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import PostgresClient
internal import ProxyConfiguration
internal import QueryCache
internal import QueryProxy
internal import RedisClient
internal import SQLAnalysis
internal import ServiceLifecycle

/// A whole proxy: every part, made from one configuration and put together.
struct Proxy {
    /// In the order in which they start; they stop in the opposite one.
    private(set) var services: [any Service] = []

    /// - Parameter guards: what keeps stale answers away; all of it, but for tests.
    init(
        _ configuration: ProxyConfiguration,
        guards: QueryCacheGuards,
        group: any EventLoopGroup,
        logger: Logger
    ) throws {
        func logging(_ component: String) -> Logger { Logger(label: "cistern.\(component)") }
        let keys = RedisKeys(prefix: configuration.redis.keyPrefix)
        let origin = Generation().text
        var redis: RedisClient?
        var shared: RedisSharedStore?
        var publisher: InvalidationPublisher?
        if var client = try configuration.redisClient() {
            client.introduction = RedisSharedStore.introduction(keys: keys)
            let made = RedisClient(configuration: client, eventLoopGroup: group, logger: logging("redis"))
            let eventLoop = group.next()
            let telling = InvalidationPublisher(
                origin: origin,
                channel: configuration.redis.channel,
                controlChannel: keys.controlChannel,
                eventLoop: eventLoop
            ) { made.send($0, on: eventLoop) }
            redis = made
            publisher = telling
            shared = RedisSharedStore(
                redis: made,
                keys: keys,
                leaseTime: TimeAmount(configuration.cache.lockTimeout),
                publisher: telling,
                guards: guards,
                eventLoopGroup: group,
                logger: logging("redis")
            )
        }
        var cacheSettings = configuration.queryCache
        cacheSettings.guards = guards
        let cache = QueryCache(settings: cacheSettings, shared: shared)
        var channel: InvalidationChannel?
        if let redis, let shared, let publisher {
            let hearing = InvalidationChannel(
                channel: configuration.redis.channel,
                keys: keys,
                cache: cache,
                store: shared,
                publisher: publisher,
                redis: redis,
                guards: guards,
                logger: logging("invalidation")
            )
            channel = hearing
            services.append(BackgroundService { await redis.run() })
            services.append(RedisVersionGuard(redis: redis, logger: logger))
            services.append(BackgroundService { await shared.run() })
            services.append(BackgroundService { await hearing.run() })
        }
        let postgres = PostgresPool(configuration: configuration.postgresClient, logger: logging("postgres"))
        services.append(BackgroundService { await postgres.run() })
        let proxy = QueryProxy(
            settings: configuration.queryProxy,
            postgres: postgres,
            redis: redis,
            cache: cache,
            channel: channel,
            analyzer: SQLAnalyzer(),
            logger: logging("queries")
        )
        channel?.whenEverythingIsInvalidated { [weak proxy] in proxy?.forgetSchema() }
        let interval = configuration.postgres.schemaCheck
        if interval > .zero { services.append(BackgroundService { await proxy.watchSchema(every: interval) }) }
        services.append(
            LineServer(
                configuration: try configuration.lineServer(),
                handler: proxy,
                eventLoopGroup: group,
                logger: logging("line")
            )
        )
    }
}

/// Something that runs until it is told to stop.
private struct BackgroundService: Service {
    let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) {
        self.body = body
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await body() }
    }
}

/// Ends the process when Redis turns out to be too old, which waiting would not mend.
private struct RedisVersionGuard: Service {
    let redis: RedisClient
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do throws(RedisError) {
                try await redis.firstConnection()
            } catch {
                if error.code == .unsupportedServer {
                    logger.critical("Redis cannot be used", metadata: ["reason": "\(error.message)"])
                    throw error
                }
            }
        }
        try await gracefulShutdown()
    }
}
