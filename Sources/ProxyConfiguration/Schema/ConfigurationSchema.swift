/// Every key of `proxy.conf`. The defaults are those of `ProxyConfiguration`; `[ttl]` takes any name.
enum ConfigurationSchema {
    typealias Key = ConfigurationKey<ProxyConfiguration>

    static let ttlSection = "ttl"
    static let namespaceSection = "namespace"
    static let defaultNamespace = "default"

    static let sections = [
        ConfigurationSection(name: "listen", keys: listen),
        ConfigurationSection(name: "postgres", keys: postgres),
        ConfigurationSection(name: "redis", keys: redis),
        ConfigurationSection(name: "cache", keys: cache),
        ConfigurationSection(name: "sessions", keys: sessions),
        ConfigurationSection(name: "admin", keys: admin),
        ConfigurationSection(name: "log", keys: log),
    ]

    static let sectionNames = sections.map(\.name) + [ttlSection, namespaceSection]

    private static let listen: [Key] = [
        Key("line", \.listen.line, .address, "Where clients connect, host:port."),
        Key("http", \.listen.http, .optionalAddress, "Metrics and health, host:port; empty for none."),
        Key("max_connections", \.listen.maximumConnections, .integer(1...1_000_000), "Clients at once."),
        Key("event_loops", \.listen.eventLoops, .integer(0...1024), "Threads that serve clients; 0 to choose."),
        Key("max_in_flight", \.listen.maximumInFlight, .integer(1...100_000), "Requests of one client at once."),
        Key(
            "max_request_bytes",
            \.listen.maximumRequestBytes,
            .size(1024...largestMessage),
            "The longest request line."
        ),
        Key("idle_timeout", \.listen.idleTimeout, .durationOrNever, "A silent client is closed after it; 0 for never."),
        Key("drain_timeout", \.listen.drainTimeout, .duration(), "How long a stop waits for answers under way."),
        Key(
            "tls_certificate",
            \.listen.tlsCertificate,
            .optionalText,
            "Path of a PEM file; with tls_key turns TLS on."
        ),
        Key("tls_key", \.listen.tlsKey, .optionalText, "Path of the certificate's key."),
    ]

    private static let postgres: [Key] = [
        Key(
            "url",
            \.postgres.url,
            .text,
            variable: "DATABASE_URL",
            mask: { ConnectionSecrets.maskPostgres($0) },
            "A libpq connection string; what it leaves out comes from PG* variables."
        ),
        Key("pool_size", \.postgres.poolSize, .integer(1...10_000), "Connections at most."),
        Key("pool_minimum", \.postgres.poolMinimum, .integer(0...10_000), "Connections kept open."),
        Key("acquire_timeout", \.postgres.acquireTimeout, .positive, "How long a request waits for a connection."),
        Key("connect_timeout", \.postgres.connectTimeout, .positive, "How long one attempt to connect may take."),
        Key("statement_timeout", \.postgres.statementTimeout, .statement, "How long a statement may run."),
        Key("max_statement_timeout", \.postgres.maximumStatementTimeout, .statement, "The most a request may ask for."),
        Key("idle_timeout", \.postgres.idleTimeout, .positive, "An unused connection over pool_minimum is closed."),
        Key("max_lifetime", \.postgres.maximumLifetime, .positive, "An older connection is replaced."),
        Key("allowed_settings", \.postgres.allowedSettings, .settingNames, "Settings that a request may set."),
        Key("prepared_statements", \.postgres.preparedStatements, .integer(0...100_000), "Kept per connection."),
        Key("schema_check", \.postgres.schemaCheck, .duration(), "How often the catalogs are looked at; 0 for never."),
    ]

    private static let redis: [Key] = [
        Key(
            "url",
            \.redis.url,
            .redisURL,
            variable: "REDIS_URL",
            mask: { ConnectionSecrets.maskURL($0) },
            "redis://, rediss:// or unix://; empty for no Redis."
        ),
        Key("user", \.redis.user, .optionalText, "Over the URL's user."),
        Key(
            "password",
            \.redis.password,
            .optionalText,
            mask: { $0 == nil ? nil : ConnectionSecrets.mask },
            "Over the URL's password."
        ),
        Key("database", \.redis.database, .database, "Over the URL's database."),
        Key(
            "max_connections",
            \.redis.maximumConnections,
            .integer(1...10_000),
            variable: "REDIS_MAX_CONNECTIONS",
            "Connections at most."
        ),
        Key(
            "socket_timeout",
            \.redis.socketTimeout,
            .positive,
            variable: "REDIS_SOCKET_TIMEOUT",
            "How long a command may go unanswered."
        ),
        Key("key_prefix", \.redis.keyPrefix, .text, "Put before every key that callers name."),
        Key("channel", \.redis.channel, .channel, "The channel on which invalidations are told."),
        Key("memory_warning", \.redis.memoryWarning, .fraction(0...1), "Warn above this share of Redis's maxmemory."),
        Key("memory_check", \.redis.memoryCheck, .check, "How often Redis's memory is looked at."),
    ]

    private static let cache: [Key] = [
        Key("memory", \.cache.memory, .size(0...1 << 50), "The budget of this process's own cache; 0 for none."),
        Key("values", \.cache.values, .size(0...1 << 50), "Without Redis, the budget of the cache service's values."),
        Key("jitter", \.cache.jitter, .fraction(0...0.5), "The part of a TTL by which it is shortened at random."),
        Key("lock_timeout", \.cache.lockTimeout, .positive, "How long others wait for one that fetches an answer."),
        Key("max_result_bytes", \.cache.maximumResultBytes, .size(1024...largestMessage), "The largest answer."),
        Key(
            "max_entry_bytes",
            \.cache.maximumEntryBytes,
            .size(0...largestEntry),
            "The largest answer that is stored."
        ),
        Key("statements", \.cache.statements, .integer(1...10_000_000), "Texts whose analysis is remembered."),
        Key("row_precision", \.cache.tellsRowsApart, .bool, "Whether a change of single rows leaves others' answers."),
        Key("degraded_max_age", \.cache.degradedMaximumAge, .duration(), "Memory's oldest answer without the channel."),
    ]

    private static let admin: [Key] = [
        Key(
            "token",
            \.admin.token,
            .token,
            mask: { $0 == nil ? nil : ConnectionSecrets.mask },
            "What changes something over HTTP must show; empty lets nobody."
        )
    ]

    private static let sessions: [Key] = [
        Key("store", \.sessions.store, .choice(), "Where sessions are kept."),
        Key("ttl", \.sessions.ttl, .durationOrNever, "Of sessions that name no kind; 0 for that of [ttl] sessions."),
        Key("max_lifetime", \.sessions.maximumLifetime, .durationOrNever, "However often extended; 0 for no bound."),
    ]

    private static let log: [Key] = [
        Key("level", \.log.level, .choice(), "The least severe level that is written."),
        Key("levels", \.log.levels, .levels, "By component, over level."),
        Key("format", \.log.format, .choice(), "Lines for people, or JSON."),
        Key("slow_query", \.log.slowQuery, .durationOrNever, "A slower request gets a line; 0 for none."),
        Key("log_parameters", \.log.parameters, .bool, "Whether that line holds constants and parameters."),
    ]

    static let ttl = ConfigurationKey<ProxyConfiguration.Namespace>(
        "ttl",
        \.ttl,
        .duration(),
        "How long an answer lives."
    )

    static let namespace: [ConfigurationKey<ProxyConfiguration.Namespace>] = [
        .init("tables", \.tables, .tableNames, "Statements that read one of these belong to it."),
        ttl,
        .init("memory", \.memory, .bool, "Whether this process's memory keeps its answers."),
        .init("stale_while_revalidate", \.staleWhileRevalidate, .duration(), "Serve it so long past its TTL."),
        .init("stale_if_error", \.staleIfError, .duration(), "Serve it so long past its TTL when PostgreSQL fails."),
        .init("early_refresh", \.earlyRefresh, .bool, "Fetch hot answers anew before they expire."),
        .init("max_misses_in_flight", \.maximumMissesInFlight, .limit, "Questions to PostgreSQL at once; 0 for any."),
    ]

    /// The buffers that hold a message count in 32 bits.
    private static let largestMessage = 1 << 30
    /// What Redis takes as one value.
    private static let largestEntry = 512 << 20
}
