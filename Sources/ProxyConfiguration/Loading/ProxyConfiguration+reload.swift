extension ProxyConfiguration {
    /// What a reload makes of a configuration that has been read anew.
    package struct Reload: Sendable, Equatable {
        /// What is in effect afterwards: the new one, but for the keys that need a restart.
        package var configuration: ProxyConfiguration
        /// The keys, with their sections, that have changed and take effect.
        package var applied: [String] = []
        /// The keys that have changed and keep their values until a restart.
        package var needRestart: [String] = []
    }

    /// - Parameter new: the configuration as it stands in the file and the environment now.
    package func reloaded(as new: ProxyConfiguration) -> Reload {
        var reload = Reload(configuration: new)
        for section in ConfigurationSchema.sections {
            for key in section.keys where key.toTOML(self) != key.toTOML(new) {
                let name = "\(section.name).\(key.name)"
                if ConfigurationSchema.reloadableKeys.contains(name) {
                    reload.applied.append(name)
                } else {
                    key.copy(&reload.configuration, self)
                    reload.needRestart.append(name)
                }
            }
        }
        // Namespaces take effect as a whole.
        let names = Set(namespaces.keys).union(new.namespaces.keys).sorted()
        let pairs =
            [(ConfigurationSchema.defaultNamespace, defaultNamespace, new.defaultNamespace)]
            + names.map { ($0, namespaces[$0] ?? defaultNamespace, new.namespaces[$0] ?? new.defaultNamespace) }
        for (name, old, new) in pairs {
            for key in ConfigurationSchema.namespace where key.toTOML(old) != key.toTOML(new) {
                let isTTL = key.name == ConfigurationSchema.ttl.name
                reload.applied.append(
                    isTTL
                        ? "\(ConfigurationSchema.ttlSection).\(name)"
                        : "\(ConfigurationSchema.namespaceSection).\(name).\(key.name)"
                )
            }
        }
        return reload
    }
}

extension ConfigurationSchema {
    /// To these a reload gives effect, and to every key of a namespace; the others need a restart.
    static let reloadableKeys: Set<String> = [
        "listen.max_connections", "listen.max_in_flight", "listen.max_request_bytes", "listen.idle_timeout",
        "listen.drain_timeout", "listen.tls_certificate", "listen.tls_key",
        "postgres.statement_timeout", "postgres.max_statement_timeout", "postgres.allowed_settings",
        "cache.memory", "cache.jitter", "cache.max_result_bytes", "cache.max_entry_bytes", "cache.degraded_max_age",
        "cache.row_precision",
        "sessions.ttl",
        "log.level", "log.levels", "log.format", "log.slow_query", "log.log_parameters",
    ]
}
