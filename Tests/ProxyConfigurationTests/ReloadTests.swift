import Testing

@testable import ProxyConfiguration

@Suite struct ReloadTests {
    @Test func nothingChanged() throws {
        let configuration = try parsed("[ttl]\nproducts = '1m'")
        #expect(configuration.reloaded(as: configuration) == .init(configuration: configuration))
    }

    @Test func someTakeEffectAndOthersWait() throws {
        let old = try parsed("[listen]\nline = '127.0.0.1:1'\n[ttl]\nproducts = '1m'\n[namespace.gone]\nmemory = false")
        let new = try parsed(
            """
            [listen]
            line = '127.0.0.1:2'
            max_connections = 7
            [postgres]
            url = 'host=other'
            [cache]
            memory = '1MB'
            [ttl]
            products = '5s'
            [namespace.orders]
            stale_if_error = '1h'
            [log]
            level = 'debug'
            levels = { redis = 'error' }
            """
        )
        let reload = old.reloaded(as: new)
        #expect(reload.needRestart == ["listen.line", "postgres.url"])
        #expect(
            reload.applied == [
                "listen.max_connections", "cache.memory", "log.level", "log.levels", "namespace.gone.memory",
                "namespace.orders.stale_if_error", "ttl.products",
            ]
        )
        #expect(reload.configuration.listen.line.port == 1)
        #expect(reload.configuration.postgres.url == old.postgres.url)
        #expect(reload.configuration.listen.maximumConnections == 7)
        #expect(reload.configuration.namespaces["products"]?.ttl == .seconds(5))
        // What waits for a restart is named again the next time: it has not been taken.
        #expect(reload.configuration.reloaded(as: new).needRestart == reload.needRestart)
        #expect(reload.configuration.reloaded(as: new).applied == [])
    }

    @Test func reloadableKeysAreKeys() {
        let names = ConfigurationSchema.sections.flatMap { section in section.keys.map { "\(section.name).\($0.name)" }
        }
        #expect(ConfigurationSchema.reloadableKeys.subtracting(names) == [])
    }

    @Test func levelsByComponent() throws {
        let expected: [ProxyConfiguration.Log.Component: ProxyConfiguration.Log.Level] = [
            .redis: .debug, .line: .error,
        ]
        let table = try parsed("[log.levels]\nredis = 'debug'\nline = 'error'")
        #expect(table.log.levels == expected)
        #expect(try parsed("", ["CISTERN_LOG_LEVELS": "redis=debug, line=error"]).log.levels == expected)
        #expect(try parsed(table.effectiveText).log.levels == expected)
        #expect(
            mistakes("[log.levels]\nline = 'error'\n  rediss = 'debug'") == [
                "proxy.conf:3:3: log.levels: rediss is not a component; did you mean redis?"
            ]
        )
        #expect(
            mistakes("[log.levels]\nredis = 'loud'").first?.hasPrefix("proxy.conf:2:9: log.levels: redis must be")
                == true
        )
        #expect(mistakes("[log]\nlevels = 'debug'").count == 1)
        #expect(mistakes("", ["CISTERN_LOG_LEVELS": "debug"]).count == 1)
    }
}
