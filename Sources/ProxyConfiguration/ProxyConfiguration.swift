/// What the whole process is configured with: `proxy.conf`, and the environment over it.
///
/// The defaults are here. What a key is called, how its value is read and written, and what it means is in
/// `ConfigurationSchema`. Sizes are in bytes.
package struct ProxyConfiguration: Sendable, Equatable {
    package var listen = Listen()
    package var postgres = Postgres()
    package var redis = Redis()
    package var cache = Cache()
    package var sessions = Sessions()
    /// What every namespace starts from, and what a name that nobody configured gets.
    package var defaultNamespace = Namespace(ttl: .seconds(300))
    /// The namespaces that have settings of their own, merged from `[ttl]` and `[namespace.NAME]`; without `default`.
    package var namespaces = Dictionary(
        uniqueKeysWithValues: Self.builtInTTLs.map { ($0.key, Namespace(ttl: $0.value)) }
    )
    package var admin = Admin()
    package var log = Log()

    /// The defaults.
    package init() {}

    static let builtInTTLs: [String: Duration] = [
        "permissions": .seconds(300),
        "roles": .seconds(600),
        "organizations": .seconds(3600),
        "locals": .seconds(3600),
        "products": .seconds(300),
        "variants": .seconds(300),
        "stock": .seconds(60),
        "prices": .seconds(300),
        "sessions": .seconds(86_400),
        "refresh_tokens": .seconds(604_800),
    ]
}

extension ProxyConfiguration {
    package struct Listen: Sendable, Equatable {
        package var line = ListenAddress(host: "127.0.0.1", port: 7432)
        /// Metrics, health and administration; nil serves none.
        package var http: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 7480)
        package var maximumConnections = 10_000
        /// Zero: one fewer than there are processors.
        package var eventLoops = 0
        /// Requests of one connection that run at once.
        package var maximumInFlight = 128
        package var maximumRequestBytes = 1 << 20
        /// A connection on which nothing happens for so long is closed; nil never closes one.
        package var idleTimeout: Duration? = .seconds(600)
        package var drainTimeout: Duration = .seconds(30)
        /// Paths of PEM files; either both are there or none is.
        package var tlsCertificate: String?
        package var tlsKey: String?
    }

    package struct Postgres: Sendable, Equatable {
        /// Any libpq connection string; what it leaves out comes from libpq's variables and service files.
        package var url = ""
        package var poolSize = 20
        package var poolMinimum = 1
        package var acquireTimeout: Duration = .seconds(5)
        package var connectTimeout: Duration = .seconds(5)
        package var statementTimeout: Duration = .seconds(30)
        /// What a request may ask for at most.
        package var maximumStatementTimeout: Duration = .seconds(300)
        package var idleTimeout: Duration = .seconds(600)
        package var maximumLifetime: Duration = .seconds(3600)
        /// In lower case; `app.*` stands for every name that begins with `app.`.
        package var allowedSettings = [
            "search_path", "timezone", "datestyle", "intervalstyle", "bytea_output", "extra_float_digits", "app.*",
        ]
        /// Per connection.
        package var preparedStatements = 256
        /// How often the catalogs are looked at for changes made elsewhere; zero never does.
        package var schemaCheck: Duration = .seconds(5)
    }

    package struct Redis: Sendable, Equatable {
        /// Empty for none: memory alone.
        package var url = "redis://127.0.0.1:6379/0"
        /// User, password and database go over those of the URL; nil leaves the URL's.
        package var user: String?
        package var password: String?
        package var database: Int?
        package var maximumConnections = 50
        package var socketTimeout: Duration = .seconds(2)
        package var keyPrefix = ""
        package var channel = "cache_invalidation"
        /// The share of Redis's maxmemory above which there is a warning.
        package var memoryWarning = 0.8
        /// Between two looks at Redis's memory.
        package var memoryCheck: Duration = .seconds(30)

        /// Whether there is a Redis at all.
        package var isEnabled: Bool { !url.isEmpty }
    }

    package struct Cache: Sendable, Equatable {
        /// Zero keeps nothing in memory.
        package var memory = 64 << 20
        /// What the cache service may keep in this process where there is no Redis.
        package var values = 16 << 20
        /// The part of a TTL, from 0 to 0.5, by which it is shortened at most, at random.
        package var jitter = 0.1
        package var lockTimeout: Duration = .seconds(2)
        /// A larger answer is an error.
        package var maximumResultBytes = 16 << 20
        /// A larger answer is sent, but not stored.
        package var maximumEntryBytes = 4 << 20
        /// Texts whose analysis is remembered.
        package var statements = 10_000
        /// Whether what hangs on single rows outlives changes of others.
        package var tellsRowsApart = true
        package var degradedMaximumAge: Duration = .seconds(3)
    }

    package struct Sessions: Sendable, Equatable {
        package enum Store: String, Sendable, CaseIterable {
            case redis
            case memory
        }

        package var store = Store.redis
        /// Of the kind `sessions`; nil for the time to live of the namespace of that name.
        package var ttl: Duration?
        /// From a session's creation to its end at the latest; nil for no bound.
        package var maximumLifetime: Duration? = .seconds(30 * 86_400)
    }

    package struct Namespace: Sendable, Equatable {
        /// Zero stores nothing.
        package var ttl: Duration
        /// Qualified names, such as `public.products`. No table is in two namespaces.
        package var tables: [String] = []
        package var memory = true
        package var staleWhileRevalidate: Duration = .zero
        package var staleIfError: Duration = .zero
        package var earlyRefresh = false
        /// Nil for no limit.
        package var maximumMissesInFlight: Int?

        package init(ttl: Duration) {
            self.ttl = ttl
        }
    }

    package struct Admin: Sendable, Equatable {
        /// What a client must show to change something over HTTP; nil lets nobody.
        package var token: String?
    }

    package struct Log: Sendable, Equatable {
        package enum Level: String, Sendable, CaseIterable {
            case trace
            case debug
            case info
            case notice
            case warning
            case error
            case critical
        }

        package enum Format: String, Sendable, CaseIterable {
            case text
            case json
        }

        /// A part of the process whose level can be set on its own; the log names it before each message.
        package enum Component: String, Sendable, CaseIterable {
            /// Start, stop and reload.
            case main
            case line
            case queries
            case invalidation
            case postgres
            case redis
            case http
        }

        package var level = Level.info
        /// Those that differ from `level`.
        package var levels: [Component: Level] = [:]
        package var format = Format.text
        /// A request that takes longer gets a line; nil writes none.
        package var slowQuery: Duration? = .milliseconds(500)
        /// Whether that line holds constants and parameters.
        package var parameters = false
    }
}
