internal import LineProtocol
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import PostgresClient
internal import ProxyConfiguration
internal import QueryCache
internal import QueryProxy
internal import RedisClient
internal import Sessions

extension ProxyConfiguration {
    func lineServer() throws -> LineServerConfiguration {
        var server = LineServerConfiguration(host: listen.line.host, port: listen.line.port)
        server.maximumConnections = listen.maximumConnections
        server.maximumInFlight = listen.maximumInFlight
        server.maximumRequestBytes = listen.maximumRequestBytes
        server.maximumResultBytes = cache.maximumResultBytes
        server.idleTimeout = listen.idleTimeout.map { TimeAmount($0) }
        server.drainTimeout = TimeAmount(listen.drainTimeout)
        server.version = Cistern.version
        if let certificate = listen.tlsCertificate, let key = listen.tlsKey {
            server.tls = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
                )
            )
        }
        return server
    }

    var postgresClient: PostgresConfiguration {
        var client = PostgresConfiguration(url: postgres.url)
        client.minimumConnections = postgres.poolMinimum
        client.maximumConnections = postgres.poolSize
        client.acquireTimeout = postgres.acquireTimeout
        client.connectTimeout = postgres.connectTimeout
        client.idleTimeout = postgres.idleTimeout
        client.maximumLifetime = postgres.maximumLifetime
        client.preparedStatementsPerConnection = postgres.preparedStatements
        return client
    }

    /// Nil where there is no Redis.
    func redisClient() throws -> RedisConfiguration? {
        guard redis.isEnabled else { return nil }
        var client = try RedisConfiguration(url: redis.url)
        client.user = redis.user ?? client.user
        client.password = redis.password ?? client.password
        client.database = redis.database ?? client.database
        client.maximumConnections = redis.maximumConnections
        client.socketTimeout = TimeAmount(redis.socketTimeout)
        return client
    }

    var queryCache: QueryCacheSettings {
        var settings = QueryCacheSettings()
        settings.memoryBytes = cache.memory
        settings.jitter = cache.jitter
        settings.maximumEntryBytes = cache.maximumEntryBytes
        settings.degradedMaximumAge = cache.degradedMaximumAge.milliseconds
        return settings
    }

    /// Nil where sessions are to be in Redis and there is none.
    func sessionStore(redis: RedisClient?, keys: RedisKeys, logger: Logger) -> (any SessionStore)? {
        let longest = sessions.maximumLifetime?.milliseconds
        switch sessions.store {
        case .memory:
            logger.warning(
                "sessions are kept in this process's memory: they end with it, and other proxies know none of them"
            )
            return MemorySessionStore(maximumLifetime: longest, clock: SystemSessionClock())
        case .redis: return redis.map { RedisSessionStore(redis: $0, keys: keys, maximumLifetime: longest) }
        }
    }

    var queryProxy: QueryProxySettings {
        var settings = QueryProxySettings(
            allowedSettings: postgres.allowedSettings,
            statementTimeout: postgres.statementTimeout.milliseconds,
            maximumStatementTimeout: postgres.maximumStatementTimeout.milliseconds,
            maximumResultBytes: cache.maximumResultBytes,
            maximumValueBytes: cache.maximumEntryBytes,
            rememberedStatements: cache.statements,
            namespaces: Namespaces(
                named: namespaces.mapValues(\.settings),
                tables: Dictionary(
                    namespaces.flatMap { name, namespace in namespace.tables.map { ($0, name) } },
                    uniquingKeysWith: { first, _ in first }
                ),
                fallback: defaultNamespace.settings
            )
        )
        settings.slowRequest = log.slowQuery?.milliseconds
        settings.logsParameters = log.parameters
        settings.tellsRowsApart = cache.tellsRowsApart
        settings.sessionTTL = sessions.ttl?.milliseconds
        return settings
    }
}

extension ProxyConfiguration.Listen {
    /// How many event loops there are to be.
    var threads: Int { eventLoops > 0 ? eventLoops : max(1, System.coreCount - 1) }
}

extension ProxyConfiguration.Namespace {
    fileprivate var settings: NamespaceSettings {
        var settings = NamespaceSettings(ttl: ttl.milliseconds)
        settings.usesMemory = memory
        settings.staleWhileRevalidate = staleWhileRevalidate.milliseconds
        settings.staleIfError = staleIfError.milliseconds
        settings.refreshesEarly = earlyRefresh
        settings.missLimit = maximumMissesInFlight ?? 0
        return settings
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? .max : whole + components.attoseconds / 1_000_000_000_000_000
    }
}
