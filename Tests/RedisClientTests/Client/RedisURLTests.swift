import Testing

@testable import RedisClient

@Suite struct RedisURLTests {
    @Test(arguments: [
        ("redis://cache.example:6380/2", RedisConfiguration.Address.tcp(host: "cache.example", port: 6380), 2),
        ("redis://cache.example", .tcp(host: "cache.example", port: 6379), 0),
        ("redis://", .tcp(host: "localhost", port: 6379), 0),
        ("redis:///3", .tcp(host: "localhost", port: 6379), 3),
        ("redis://:6380", .tcp(host: "localhost", port: 6380), 0),
        ("redis://h/", .tcp(host: "h", port: 6379), 0),
        ("redis://h?db=4", .tcp(host: "h", port: 6379), 4),
        ("redis://h/?db=4", .tcp(host: "h", port: 6379), 4),
        ("REDIS://h", .tcp(host: "h", port: 6379), 0),
        ("redis://[::1]:6380/1", .tcp(host: "::1", port: 6380), 1),
        ("redis://[fe80::1%25eth0]", .tcp(host: "fe80::1%eth0", port: 6379), 0),
        ("redis://127.0.0.1:65535", .tcp(host: "127.0.0.1", port: 65535), 0),
        ("unix:///run/redis/redis.sock", .unixSocket(path: "/run/redis/redis.sock"), 0),
        ("unix:///run/my%20redis.sock?db=5", .unixSocket(path: "/run/my redis.sock"), 5),
    ])
    func addressesAndDatabases(url: String, address: RedisConfiguration.Address, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.address == address)
        #expect(configuration.database == database)
        #expect(configuration.user == nil)
        #expect(configuration.password == nil)
        #expect(configuration.tls == nil)
    }

    @Test(arguments: [
        ("redis://cache:secret@h", "cache", "secret"),
        ("redis://:secret@h", nil, "secret"),
        ("redis://cache:@h", "cache", ""),
        ("redis://us%65r:p%40ss%3Aw%2F%3F%23%25@h", "user", "p@ss:w/?#%"),
        ("redis://u:a:b@h", "u", "a:b"),
        ("redis://u:a@b@h", "u", "a@b"),
        ("redis://u:p%C3%A9@h", "u", "p\u{E9}"),
        ("unix://u:p@/run/redis.sock", "u", "p"),
    ])
    func credentials(url: String, user: String?, password: String) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.user == user)
        #expect(configuration.password == password)
    }

    @Test func settingsOfTLS() throws {
        #expect(try RedisConfiguration(url: "rediss://h").tls == RedisConfiguration.TLS())
        let tls = try #require(
            try RedisConfiguration(url: "rediss://h/1?cacert=/a%20b.pem&cert=/c.pem&key=/k.pem&insecure=true").tls
        )
        #expect(tls.certificateAuthority == "/a b.pem")
        #expect(tls.certificate == "/c.pem")
        #expect(tls.privateKey == "/k.pem")
        #expect(tls.isInsecure)
        #expect(try RedisConfiguration(url: "rediss://h?insecure=false").tls?.isInsecure == false)
    }

    @Test(arguments: [
        "", "h", "h:6379", "redis:h", "http://h", "redis+tls://h", "://h",
        "redis://h:0", "redis://h:65536", "redis://h:", "redis://h:x", "redis://h:-1", "redis://h:+80", "redis://h:1:2",
        "redis://::1", "redis://[::1", "redis://[::1]x", "redis://[::1]6379",
        "redis://h/x", "redis://h/-1", "redis://h/+1", "redis://h/0/", "redis://h/1/2", "redis://h/2147483648",
        "redis://h/1?db=2", "redis://h?db=", "redis://h?db=1&db=1", "redis://h?db",
        "redis://user@h", "redis://h#x", "redis://u:p%@h", "redis://u:p%4@h", "redis://u:p%zz@h", "redis://u:%00@h",
        "redis://u:%ff@h",
        "redis://h?timeout=5", "redis://h?insecure=true", "redis://h?cacert=/a.pem", "redis://h?Db=1",
        "rediss://h?insecure=yes", "rediss://h?cert=/c.pem", "rediss://h?key=/k.pem", "rediss://h?cacert",
        "unix://", "unix:///", "unix://run/redis.sock", "unix:///s?cacert=/a.pem", "unix:///s?x=1",
    ])
    func whatIsNotAURLIsRefused(url: String) {
        #expect(throws: RedisURLError.self) { try RedisConfiguration(url: url) }
    }

    @Test(arguments: [
        "redis://user:secret@h:bad", "redis://user:secret@h/x", "redis://user:secret%zz@h", "http://user:secret@h",
        "redis://user:secret@h?db=1&db=2", "redis://user:secret@h?nosuch=1", "unix://user:secret@h/s",
    ])
    func anErrorDoesNotRepeatThePassword(url: String) {
        do {
            _ = try RedisConfiguration(url: url)
            Issue.record("it was taken")
        } catch {
            #expect(!error.description.contains("secret"))
            #expect(!error.description.isEmpty)
        }
    }

    @Test func theDescriptionMasksThePassword() throws {
        for (url, shown) in [
            ("redis://u:secret@h:1/2", "redis://u:***@h:1/2"),
            ("redis://:secret@h", "redis://:***@h:6379/0"),
            ("rediss://[::1]", "rediss://[::1]:6379/0"),
            ("unix://u:secret@/s?db=3", "unix://u:***@/s?db=3"),
        ] {
            let configuration = try RedisConfiguration(url: url)
            #expect("\(configuration)" == shown)
            #expect(String(reflecting: configuration) == shown)
        }
    }
}
