import Testing

@testable import ProxyConfiguration

@Suite struct EffectiveTextTests {
    private static let everything = """
        listen = { line = "[::1]:0", idle_timeout = 0, tls_certificate = "/c\\\\ \\"x\\".pem", tls_key = "/k" }
        [postgres]
        url = "host=h dbname=d"
        pool_size = 3
        statement_timeout = 0.25
        max_statement_timeout = "1h30m"
        allowed_settings = []
        [redis]
        url = "rediss://h:1/2?cacert=/x"
        user = "u"
        database = 0
        key_prefix = "é\\t\\u0001:"
        [cache]
        memory = 0
        jitter = 0.25
        max_entry_bytes = 1000
        [sessions]
        store = "memory"
        ttl = "1h"
        max_lifetime = 0
        [log]
        level = "trace"
        format = "json"
        [ttl]
        default = 0
        "n'\\u00e9" = 1
        [namespace."a.b"]
        tables = ["public.x", 'public.y"z']
        stale_if_error = "1d"
        max_misses_in_flight = 2
        [namespace.default]
        stale_while_revalidate = 5
        tables = ["public.d"]
        [namespace.none]
        """

    @Test(arguments: ["", everything])
    func readsBackAsTheSame(text: String) throws {
        let configuration = try parsed(text)
        #expect(try parsed(configuration.effectiveText) == configuration)
    }

    @Test func everyKeyIsShown() {
        let text = ProxyConfiguration().effectiveText
        for section in ConfigurationSchema.sections {
            for key in section.keys { #expect(text.contains("\(key.name) =")) }
        }
    }

    @Test func tellsTheDefaultOfWhatWasChanged() throws {
        let text = try parsed("[postgres]\npool_size = 3").effectiveText
        #expect(text.split(separator: "\n").contains { $0.hasPrefix("pool_size = 3 ") && $0.hasSuffix("Default: 20") })
    }

    @Test func passwordsAreMaskedAndTheRestReadsBack() throws {
        let text = """
            [postgres]
            url = "postgresql://u:hunter2@h/d?sslpassword=hunter2"
            [redis]
            url = "redis://:hunter2@h/3"
            password = "hunter2"
            """
        let configuration = try parsed(text)
        #expect(configuration.redis.password == "hunter2")
        #expect(!configuration.effectiveText.contains("hunter2"))
        #expect(!"\(configuration)".contains("hunter2"))
        #expect(try parsed(configuration.effectiveText) == configuration.masked)
        var expected = configuration
        expected.postgres.url = "postgresql://u:***@h/d?sslpassword=***"
        expected.redis.url = "redis://:***@h/3"
        expected.redis.password = "***"
        #expect(configuration.masked == expected)
    }

    /// Masked, it could not be used in its place: that would be a token that anybody can guess.
    @Test func theTokenIsMaskedToOneThatIsRefused() throws {
        let configuration = try parsed("[admin]\ntoken = 'hunter2hunter2hunter2'\n[listen]\nhttp = ''")
        #expect(configuration.admin.token == "hunter2hunter2hunter2")
        #expect(configuration.listen.http == nil)
        #expect(!configuration.effectiveText.contains("hunter2"))
        #expect(throws: (any Error).self) { try parsed(configuration.effectiveText) }
    }

    @Test(arguments: [
        ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
        ("postgres://u:secret@h1:1,h2:2/d", "postgres://u:***@h1:1,h2:2/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"), ("postgresql://u:@h", "postgresql://u:@h"),
        ("postgresql:///d?host=/run", "postgresql:///d?host=/run"), ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://h/d?user=u&password=secret&a=b", "postgresql://h/d?user=u&password=***&a=b"),
        ("postgresql://h/d?pass%77ord=secret", "postgresql://h/d?pass%77ord=***"),
        ("postgresql://h?sslpassword=secret", "postgresql://h?sslpassword=***"),
        ("postgresql://u:p%40%2Fsecret@[::1]:5/d", "postgresql://u:***@[::1]:5/d"),
        ("postgresql://h:5432/d@x", "postgresql://h:5432/d@x"),
        // Characters that should have been escaped.
        ("postgresql://u:se@cret@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:se/cret@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:se?cret@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:se:cret@h/d", "postgresql://u:***@h/d"),
        // Pairs.
        ("host=h password=secret dbname=d", "host=h password=*** dbname=d"),
        ("password='a secret' host=h", "password=*** host=h"),
        ("password = 'it\\'s secret' host=h", "password = *** host=h"),
        ("password=sec\\ ret host=h", "password=*** host=h"), ("password=secret", "password=***"),
        ("host=h\tsslpassword=secret", "host=h\tsslpassword=***"), ("password='secret", "password=***"),
        ("dbname='postgresql://u:secret@h/d' user=u", "dbname='postgresql://u:***@h/d' user=u"),
        ("options='-c a=b' user=u", "options='-c a=b' user=u"), ("service=x", "service=x"), ("", ""),
        ("user='' host=h", "user='' host=h"),
        // A password without its quotes, and nothing that is a connection string.
        ("password=my secret host=h", "password=*** *** host=h"), ("password=my secret", "password=*** ***"),
        ("secret", " ***"), ("PASSWORD=secret", "PASSWORD=***"),
    ])
    func masksPostgresStrings(text: String, masked: String) {
        #expect(ConnectionSecrets.maskPostgres(text) == masked)
    }

    @Test(arguments: [
        ("redis://h", "redis://h"), ("redis://:secret@h:1/0", "redis://:***@h:1/0"),
        ("rediss://u:secret@h", "rediss://u:***@h"),
        ("redis://secret@h", "redis://***@h"),
        ("unix://u:secret@/run/redis.sock?db=1", "unix://u:***@/run/redis.sock?db=1"),
        ("redis://h?password=secret&db=1", "redis://h?password=***&db=1"), ("redis://:se/cret@h", "redis://:***@h"),
        ("redis://:se@cret@h/1", "redis://:***@h/1"), ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("rediss://h/0?cacert=/a/b@c.pem", "rediss://h/0?cacert=/a/b@c.pem"), ("", ""),
    ])
    func masksRedisURLs(text: String, masked: String) {
        #expect(ConnectionSecrets.maskURL(text) == masked)
    }
}
