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
    private let cache: QueryCache
    private let proxy: QueryProxy
    private let lineServer: LineServer
    private let inEffect: Reloadable<ProxyConfiguration>

    /// - Parameters:
    ///   - guards: what keeps stale answers away; all of it, but for tests.
    ///   - onListening: told once clients can connect.
    init(
        _ configuration: ProxyConfiguration,
        guards: QueryCacheGuards,
        group: any EventLoopGroup,
        logs: LogOutput,
        onListening: @escaping @Sendable (SocketAddress) -> Void
    ) throws {
        let keys = RedisKeys(prefix: configuration.redis.keyPrefix)
        let origin = Generation().text
        let operations = CacheOperations()
        var redis: RedisClient?
        var shared: RedisSharedStore?
        var publisher: InvalidationPublisher?
        if var client = try configuration.redisClient() {
            if guards.beginsEpochOnAnotherServer { client.introduction = RedisSharedStore.introduction(keys: keys) }
            let made = RedisClient(configuration: client, eventLoopGroup: group, logger: logs.logger(.redis))
            let eventLoop = group.next()
            let telling = InvalidationPublisher(
                origin: origin,
                channel: configuration.redis.channel,
                controlChannel: keys.controlChannel,
                eventLoop: eventLoop,
                window: guards.gathersMessages ? .milliseconds(4) : .zero,
                logger: logs.logger(.invalidation)
            ) { made.send($0, on: eventLoop) }
            redis = made
            publisher = telling
            shared = RedisSharedStore(
                redis: made,
                keys: keys,
                leaseTime: TimeAmount(configuration.cache.lockTimeout),
                publisher: telling,
                guards: guards,
                operations: operations,
                eventLoopGroup: group,
                logger: logs.logger(.redis)
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
                logger: logs.logger(.invalidation)
            )
            channel = hearing
            services.append(BackgroundService { await redis.run() })
            services.append(RedisVersionGuard(redis: redis, logger: logs.logger(.main)))
            services.append(BackgroundService { await shared.run() })
            services.append(BackgroundService { await hearing.run() })
        }
        let values: any ValueStore
        if let redis, let shared {
            values = RedisValueStore(redis: redis, keys: keys, shared: shared, operations: operations)
        } else {
            values = MemoryValueStore(budget: configuration.cache.values)
        }
        let sessions = configuration.sessionStore(redis: redis, keys: keys, logger: logs.logger(.main))
        let postgres = PostgresPool(configuration: configuration.postgresClient, logger: logs.logger(.postgres))
        services.append(BackgroundService { await postgres.run() })
        let proxy = QueryProxy(
            settings: configuration.queryProxy,
            postgres: postgres,
            redis: redis,
            cache: cache,
            values: values,
            sessions: sessions,
            channel: channel,
            analyzer: SQLAnalyzer(),
            logger: logs.logger(.queries)
        )
        channel?.whenEverythingIsInvalidated(proxy.forgetSchema)
        if guards.watchesLostBackends { services.append(BackgroundService { await proxy.watchLostBackends() }) }
        let interval = configuration.postgres.schemaCheck
        if interval > .zero { services.append(BackgroundService { await proxy.watchSchema(every: interval) }) }
        let lineServer = LineServer(
            configuration: try configuration.lineServer(),
            handler: proxy,
            eventLoopGroup: group,
            logger: logs.logger(.line),
            onListening: onListening
        )
        let inEffect = Reloadable(configuration)
        let administration = Administration(
            configuration: configuration,
            inEffect: inEffect,
            proxy: proxy,
            redis: redis,
            server: lineServer,
            operations: operations,
            group: group,
            logs: logs
        )
        // Before the server, so that they show its draining.
        services += administration.services()
        services.append(lineServer)
        self.cache = cache
        self.proxy = proxy
        self.lineServer = lineServer
        self.inEffect = inEffect
    }

    /// Gives effect to what can be changed under way, but for the log.
    ///
    /// - Throws: where a certificate or its key cannot be read; nothing has changed then.
    func reload(_ configuration: ProxyConfiguration) throws {
        lineServer.reload(try configuration.lineServer())
        cache.reload(configuration.queryCache)
        proxy.reload(configuration.queryProxy)
        inEffect.replace(with: configuration)
    }
}

/// Something that runs until it is told to stop.
struct BackgroundService: Service {
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
