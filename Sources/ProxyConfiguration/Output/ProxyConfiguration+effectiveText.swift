extension ProxyConfiguration {
    /// This configuration with `***` in the place of every password.
    package var masked: ProxyConfiguration {
        var copy = self
        for section in ConfigurationSchema.sections {
            for key in section.keys { key.mask(&copy) }
        }
        return copy
    }

    /// What is in effect, as TOML that reads back as `masked`: each key with what it means, and with its default where
    /// that is another. Passwords are masked.
    package var effectiveText: String {
        let shown = masked
        let defaults = ProxyConfiguration()
        var blocks: [String] = []
        for section in ConfigurationSchema.sections {
            let lines = section.keys.map { Self.line($0, of: shown, unless: defaults) }
            blocks.append(Self.table("[\(section.name)]", lines))
        }
        let named = shown.namespaces.sorted { $0.key < $1.key }
        let names = [ConfigurationSchema.defaultNamespace] + named.map(\.key)
        let namespaces = [shown.defaultNamespace] + named.map(\.value)
        let ttls = zip(names, namespaces).map { name, namespace in
            (text: "\(TOMLText.key(name)) = \(ConfigurationSchema.ttl.toTOML(namespace) ?? "")", comment: "")
        }
        blocks.append(Self.table("[\(ConfigurationSchema.ttlSection)]", ttls))
        for (name, namespace) in zip(names, namespaces) {
            // A time to live stands in [ttl], and given twice it would be an error.
            let keys = ConfigurationSchema.namespace.filter { $0.name != ConfigurationSchema.ttl.name }
            var base = shown.defaultNamespace
            if name == ConfigurationSchema.defaultNamespace {
                base = Namespace(ttl: base.ttl)
            } else {
                base.tables = []
            }
            guard keys.contains(where: { $0.toTOML(namespace) != $0.toTOML(base) }) else { continue }
            let lines = keys.map { Self.line($0, of: namespace, unless: base) }
            blocks.append(Self.table("[\(ConfigurationSchema.namespaceSection).\(TOMLText.key(name))]", lines))
        }
        return blocks.joined(separator: "\n")
    }

    private static func line<Root>(
        _ key: ConfigurationKey<Root>,
        of root: Root,
        unless defaults: Root
    ) -> (text: String, comment: String) {
        let standard = key.toTOML(defaults)
        guard let value = key.toTOML(root) else { return ("# \(key.name) =", key.meaning) }
        guard value != standard, let standard else { return ("\(key.name) = \(value)", key.meaning) }
        return ("\(key.name) = \(value)", "\(key.meaning) Default: \(standard)")
    }

    private static func table(_ header: String, _ lines: [(text: String, comment: String)]) -> String {
        // Long values would push every comment of the table to the right.
        let width = lines.map(\.text.count).filter { $0 <= 48 }.max() ?? 0
        let body = lines.map { line in
            if line.comment.isEmpty { return line.text }
            return line.text + String(repeating: " ", count: max(0, width - line.text.count)) + "  # \(line.comment)"
        }
        return ([header] + body).joined(separator: "\n") + "\n"
    }
}

extension ProxyConfiguration: CustomStringConvertible {
    /// The effective text, so that a configuration that gets into a log shows no password.
    package var description: String { effectiveText }
}
