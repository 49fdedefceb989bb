import Testing

@testable import ProxyConfiguration

@Suite struct MistakeTests {
    @Test func fiveMistakesGiveFiveMessages() {
        let text = """
            # A file with five mistakes.
            [listen]
            line = "127.0.0.1"

            [postgres]
            pool_sise = 20
            statement_timeout = true

            [cache]
            memory = "64MX"
              jitter = 0.75
            """
        #expect(
            mistakes(text) == [
                "proxy.conf:3:8: listen.line: must be host:port, such as \"127.0.0.1:7432\" or \"[::1]:7432\"",
                "proxy.conf:6:1: postgres.pool_sise: is not a key of [postgres]; did you mean pool_size?",
                "proxy.conf:7:21: postgres.statement_timeout: must be a duration such as \"250ms\", \"5s\", \"1h30m\" or "
                    + "\"7d\", or a number of seconds, not true or false",
                "proxy.conf:10:10: cache.memory: must be a size such as \"512kB\", \"64MB\" or \"1GB\", or a number of bytes",
                "proxy.conf:11:12: cache.jitter: must be from 0.0 to 0.5",
            ]
        )
    }

    @Test(arguments: [
        // Unknown sections and keys.
        ("[postgress]\nurl = 1", ["1:2: postgress: is not a section; did you mean [postgres]?"]),
        ("[users]\nx = 1\ny = 2", ["1:2: users: is not a section"]),
        ("pool_size = 1", ["1:1: pool_size: stands in no section; it belongs under [postgres]"]),
        ("url = ''", ["1:1: url: stands in no section"]),
        ("[cache]\npool_size = 1", ["2:1: cache.pool_size: is not a key of [cache]; it belongs under [postgres]"]),
        (
            "[listen]\nhttp = '7480'",
            ["2:8: listen.http: must be host:port, such as \"127.0.0.1:7432\" or \"[::1]:7432\""]
        ),
        (
            "[admin]\ntoken = 'short'",
            ["2:9: admin.token: must have 16 characters or more, as `openssl rand -hex 16` makes them"]
        ),
        (
            "[admin]\ntoken = 'with spaces and more'",
            ["2:9: admin.token: must be of visible ASCII characters, without spaces"]
        ),
        ("listen.lime = ':1'", ["1:8: listen.lime: is not a key of [listen]; did you mean line?"]),
        (
            "[namespace.x]\ntabels = []",
            ["2:1: namespace.x.tabels: is not a key of [namespace.NAME]; did you mean tables?"]
        ),
        // Tables that are not.
        ("cache = 1", ["1:9: cache: must be a table, written [cache], not a whole number"]),
        ("[[cache]]\nmemory = 0", ["1:3: cache: must be a table, written [cache], not a list"]),
        ("[namespace]\nx = 1", ["2:5: namespace.x: must be a table, written [namespace.NAME], not a whole number"]),
        // Wrong types.
        ("[postgres]\npool_size = '20'", ["2:13: postgres.pool_size: must be a whole number, not a string"]),
        (
            "[postgres]\npool_size = 20.0",
            ["2:13: postgres.pool_size: must be a whole number, not a number with a fraction"]
        ),
        ("[postgres]\nurl = 1", ["2:7: postgres.url: must be a string, not a whole number"]),
        ("[redis]\nurl = [ ]", ["2:7: redis.url: must be a string, not a list"]),
        ("[log]\nlevel = 1979-05-27", ["2:9: log.level: must be a string, not a date or time"]),
        ("[namespace.x]\nmemory = 'yes'", ["2:10: namespace.x.memory: must be true or false, not a string"]),
        ("[namespace.x]\ntables = 'public.a'", ["2:10: namespace.x.tables: must be a list of strings, not a string"]),
        (
            "[namespace.x]\ntables = [\n'public.a',\n  3]",
            ["4:3: namespace.x.tables: must be a list of strings, but holds a whole number"]
        ),
        // Values that cannot be.
        ("[postgres]\npool_size = 0", ["2:13: postgres.pool_size: must be from 1 to 10000, not 0"]),
        ("[listen]\nmax_request_bytes = '2GB'", ["2:21: listen.max_request_bytes: must be from 1kB to 1GB"]),
        ("[listen]\nmax_request_bytes = -1", ["2:21: listen.max_request_bytes: must not be negative"]),
        ("[postgres]\nacquire_timeout = 0", ["2:19: postgres.acquire_timeout: must be from 1ms to 36500d"]),
        ("[postgres]\nacquire_timeout = -1.5", ["2:19: postgres.acquire_timeout: must not be negative"]),
        ("[postgres]\nacquire_timeout = inf", ["2:19: postgres.acquire_timeout: is too long: at most 36500d"]),
        ("[cache]\njitter = nan", ["2:10: cache.jitter: must be from 0.0 to 0.5"]),
        ("[redis]\nchannel = ''", ["2:11: redis.channel: must not be empty"]),
        (
            "[log]\nformat = 'JSON'",
            ["2:10: log.format: must be one of \"text\", \"json\""]
        ),
        (
            "[postgres]\nallowed_settings = ['timezone', '*']",
            ["2:33: postgres.allowed_settings: must name settings, or a prefix such as \"app.*\"; \"*\" is neither"]
        ),
        (
            "[postgres]\nallowed_settings = ['TimeZone', 'timezone']",
            ["2:33: postgres.allowed_settings: holds \"timezone\" twice"]
        ),
        (
            "[namespace.x]\ntables = ['products']",
            [
                "2:11: namespace.x.tables: must name tables with their schema, such as \"public.products\"; "
                    + "\"products\" has none"
            ]
        ),
        (
            "[ttl]\nx = '5'\n'a:b' = 5",
            ["3:1: ttl.a:b: a namespace's name must not be empty or hold colons, spaces or control characters"]
        ),
        (
            "[ttl]\nproducts = '5 minutes'\nstock = -1",
            [
                "2:12: ttl.products: must be a duration such as \"250ms\", \"5s\", \"1h30m\" or \"7d\", or a number of seconds",
                "3:9: ttl.stock: must not be negative",
            ]
        ),
    ])
    func tellsWhatIsWrongAndWhere(text: String, expected: [String]) {
        #expect(mistakes(text) == expected.map { "proxy.conf:\($0)" })
    }

    /// Checks that take two keys: the one that was set is named, of both the smaller.
    @Test(arguments: [
        (
            "[postgres]\nstatement_timeout = '10m'",
            [
                "2:1: postgres.statement_timeout: statement_timeout (10m) must not be more than max_statement_timeout (5m)"
            ]
        ),
        (
            "[postgres]\nmax_statement_timeout = 10",
            [
                "2:1: postgres.max_statement_timeout: statement_timeout (30s) must not be more than max_statement_timeout (10s)"
            ]
        ),
        (
            "[postgres]\npool_size = 2\npool_minimum = 3",
            ["3:1: postgres.pool_minimum: pool_minimum (3) must not be more than pool_size (2)"]
        ),
        (
            "[cache]\nmax_result_bytes = '1MB'",
            ["2:1: cache.max_result_bytes: max_entry_bytes (4MB) must not be more than max_result_bytes (1MB)"]
        ),
        ("[listen]\ntls_key = 'k'", ["2:1: listen.tls_key: needs tls_certificate as well"]),
        ("[listen]\ntls_certificate = 'c'", ["2:1: listen.tls_certificate: needs tls_key as well"]),
        (
            "[namespace.b]\ntables = ['public.x']\n[namespace.a]\ntables = ['public.y', 'public.x']",
            ["4:1: namespace.a.tables: public.x belongs to [namespace.b] already"]
        ),
        (
            "[namespace.default]\ntables = ['public.x']\n[namespace.a]\ntables = ['public.x']",
            ["4:1: namespace.a.tables: public.x belongs to [namespace.default] already"]
        ),
        (
            "[ttl]\na = 5\n[namespace.a]\nttl = 5",
            ["4:1: namespace.a.ttl: is given by ttl.a too: leave one of the two out"]
        ),
        (
            "[namespace.a]\nttl = 5\n[ttl]\na = 5",
            ["4:1: ttl.a: is given by namespace.a.ttl too: leave one of the two out"]
        ),
        (
            "[ttl]\ndefault = 5\n[namespace.default]\nttl = 5",
            ["4:1: namespace.default.ttl: is given by ttl.default too: leave one of the two out"]
        ),
        // A value that is wrong by itself is not compared.
        (
            "[postgres]\npool_size = -1\npool_minimum = 30",
            ["2:13: postgres.pool_size: must be from 1 to 10000, not -1"]
        ),
    ])
    func checksAcrossKeys(text: String, expected: [String]) {
        #expect(mistakes(text) == expected.map { "proxy.conf:\($0)" })
    }

    @Test func syntaxErrorsAreToldTogetherWithTheRest() {
        let lines = mistakes("[cache]\nmemory = 64MB\njitter = 3\nstatments = 1", ["CISTERN_LOG_LEVEL": "loud"])
        #expect(lines.count == 4)
        #expect(lines[0] == "proxy.conf:2:10: cache.memory: this is not a value; text needs quotes around it")
        #expect(lines[1].hasPrefix("proxy.conf:3:10: cache.jitter:"))
        #expect(lines[2].hasPrefix("proxy.conf:4:1: cache.statments:"))
        #expect(lines[3].hasPrefix("environment: CISTERN_LOG_LEVEL:"))
    }

    @Test(arguments: [
        "http://localhost", "redis:/localhost", "localhost:6379", "REDIS://x", "redis-sentinel://x", "unix://", "//",
    ])
    func redisURLsNeedAScheme(url: String) {
        let lines = mistakes("[redis]\nurl = '\(url)'")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("proxy.conf:2:7: redis.url: must ") == true)
    }

    @Test func messagesShowNoPassword() {
        for line in mistakes(
            "[redis]\nurl = 'rediss//:hunter2@h'\npassword = ['hunter2']",
            ["DATABASE_URL": "hunter2\0"]
        ) {
            #expect(!line.contains("hunter2"))
        }
    }
}
