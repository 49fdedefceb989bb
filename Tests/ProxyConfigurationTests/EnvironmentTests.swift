import Testing

@testable import ProxyConfiguration

@Suite struct EnvironmentTests {
    @Test func goesOverTheFile() throws {
        let text =
            "[postgres]\npool_size = 5\nurl = 'host=file'\n[ttl]\nproducts = 1\n[namespace.my-app]\nmemory = false"
        let environment = [
            "CISTERN_POSTGRES_POOL_SIZE": "7",
            "DATABASE_URL": "host=environment",
            "CISTERN_TTL_PRODUCTS": "10m",
            "CISTERN_NAMESPACE_MY_APP_STALE_IF_ERROR": "1h",
            "CISTERN_NAMESPACE_NEW_ONE_TTL": "1d",
            "CISTERN_NAMESPACE_NEW_ONE_TABLES": "public.a, shop.b",
        ]
        let configuration = try parsed(text, environment)
        #expect(configuration.postgres.poolSize == 7)
        #expect(configuration.postgres.url == "host=environment")
        #expect(configuration.namespaces["products"]?.ttl == .seconds(600))
        #expect(configuration.namespaces["my-app"]?.memory == false)
        #expect(configuration.namespaces["my-app"]?.staleIfError == .seconds(3600))
        #expect(configuration.namespaces["new_one"]?.ttl == .seconds(86_400))
        #expect(configuration.namespaces["new_one"]?.tables == ["public.a", "shop.b"])
    }

    @Test func sharedNames() throws {
        let environment = [
            "REDIS_URL": "unix:///run/redis.sock", "REDIS_MAX_CONNECTIONS": "9", "REDIS_SOCKET_TIMEOUT": "0.5",
            "DATABASE_URL": "postgresql://h",
        ]
        let configuration = try parsed("", environment)
        #expect(configuration.redis.url == "unix:///run/redis.sock")
        #expect(configuration.redis.maximumConnections == 9)
        #expect(configuration.redis.socketTimeout == .milliseconds(500))
        #expect(configuration.postgres.url == "postgresql://h")
    }

    @Test func oursWinsOverTheSharedName() throws {
        let environment = ["REDIS_URL": "not a URL", "CISTERN_REDIS_URL": "redis://ours"]
        #expect(try parsed("", environment).redis.url == "redis://ours")
    }

    @Test func emptyURLs() throws {
        let text = "[redis]\nurl = 'redis://file'\n[postgres]\nurl = 'host=file'"
        let configuration = try parsed(text, ["REDIS_URL": "", "DATABASE_URL": ""])
        #expect(configuration.redis.url.isEmpty)
        #expect(!configuration.redis.isEnabled)
        #expect(configuration.postgres.url.isEmpty)
    }

    @Test(arguments: [
        "PGHOST", "CISTERN_CONFIG", "CISTERN_FUZZ", "CISTERN_TEST_REDIS", "CISTERN_LOGFILE", "CISTERN_", "REDIS_PORT",
        "CISTERN_LISTENER_LINE", "cistern_listen_lime",
    ])
    func othersAreLeftAlone(name: String) throws {
        #expect(try parsed("", [name: "?"]) == ProxyConfiguration())
    }

    @Test(arguments: [
        ("CISTERN_LISTEN_LIME", "sets no key; did you mean CISTERN_LISTEN_LINE?"),
        ("CISTERN_POSTGRES_POOLSIZE", "sets no key; did you mean CISTERN_POSTGRES_POOL_SIZE?"),
        ("CISTERN_LISTEN", "sets no key"), ("CISTERN_CACHE_", "sets no key"), ("CISTERN_TTL", "sets no key"),
        ("CISTERN_TTL_", "sets no key"),
        (
            "CISTERN_NAMESPACE_PRODUCTS",
            "sets no key; it must be CISTERN_NAMESPACE_NAME_ and one of TABLES, TTL, MEMORY, STALE_WHILE_REVALIDATE, "
                + "STALE_IF_ERROR, EARLY_REFRESH, MAX_MISSES_IN_FLIGHT"
        ),
    ])
    func unknownNamesOfOursAreRefused(name: String, message: String) {
        #expect(mistakes("", [name: "1"]) == ["environment: \(name): \(message)"])
    }

    @Test func wrongValuesNameTheVariable() {
        let environment = [
            "CISTERN_CACHE_MEMORY": "lots", "REDIS_MAX_CONNECTIONS": "", "CISTERN_POSTGRES_POOL_SIZE": "1.5",
            "CISTERN_CACHE_JITTER": "nan", "CISTERN_NAMESPACE_X_MEMORY": "maybe", "CISTERN_TTL_A:B": "5",
            "CISTERN_NAMESPACE_X_TABLES": "public.a,,public.b",
        ]
        let lines = mistakes("", environment)
        #expect(
            lines == [
                "environment: CISTERN_CACHE_JITTER: must be from 0.0 to 0.5",
                "environment: CISTERN_CACHE_MEMORY: must be a size such as \"512kB\", \"64MB\" or \"1GB\", or a number of bytes",
                "environment: CISTERN_NAMESPACE_X_MEMORY: must be true or false",
                "environment: CISTERN_NAMESPACE_X_TABLES: must name tables with their schema, such as \"public.products\"; "
                    + "\"\" has none",
                "environment: CISTERN_POSTGRES_POOL_SIZE: must be a whole number",
                "environment: CISTERN_TTL_A:B: a namespace's name must not be empty or hold colons, spaces or control "
                    + "characters",
                "environment: REDIS_MAX_CONNECTIONS: must be a whole number",
            ]
        )
    }

    @Test func theTimeToLiveIsGivenOnce() {
        // In two places it is an error; from the environment over either place of the file it is not.
        let twice = ["CISTERN_TTL_X": "5", "CISTERN_NAMESPACE_X_TTL": "5"]
        #expect(
            mistakes("", twice) == [
                "environment: CISTERN_TTL_X: is given by CISTERN_NAMESPACE_X_TTL too: leave one of the two out"
            ]
        )
        #expect(mistakes("[ttl]\nx = 1", ["CISTERN_NAMESPACE_X_TTL": "5"]) == [])
        #expect(mistakes("[namespace.x]\nttl = 1", ["CISTERN_TTL_X": "5"]) == [])
    }

    @Test func aNameThatFitsTwoNamespacesIsRefused() {
        #expect(
            mistakes("[ttl]\na-b = 1\na_b = 1", ["CISTERN_TTL_A_B": "5"]) == [
                "environment: CISTERN_TTL_A_B: could mean a-b and a_b: set it in the file"
            ]
        )
    }

    @Test func checksAcrossFileAndEnvironment() {
        #expect(
            mistakes("[postgres]\npool_size = 5", ["CISTERN_POSTGRES_POOL_MINIMUM": "6"]) == [
                "environment: CISTERN_POSTGRES_POOL_MINIMUM: pool_minimum (6) must not be more than pool_size (5)"
            ]
        )
        #expect(
            mistakes("[namespace.a]\ntables = ['public.x']", ["CISTERN_NAMESPACE_B_TABLES": "public.x"]) == [
                "environment: CISTERN_NAMESPACE_B_TABLES: public.x belongs to [namespace.a] already"
            ]
        )
    }

    /// Every key of the schema can be set by its variable: with the text of its default nothing changes.
    @Test func everyKeyHasAVariable() throws {
        let defaults = ProxyConfiguration()
        for section in ConfigurationSchema.sections {
            for key in section.keys {
                let name = ConfigurationReader.variable(section.name, key.name)
                let text = (key.toTOML(defaults) ?? "0").filter { !"\"[]{}".contains($0) }
                #expect(mistakes("", [name: text]) == [], "\(name)")
                #expect(mistakes("", [name: "\0"]).count == 1, "\(name)")
            }
        }
    }

    @Test func theProcessHasAnEnvironment() {
        #expect(ProxyConfiguration.processEnvironment["PATH"]?.isEmpty == false)
    }
}
