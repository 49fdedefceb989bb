/// Builds a configuration from what the file and the environment set, and collects everything that is wrong on the way.
///
/// A setting is applied as soon as it is met: the file's first, then the environment's over them. The settings of
/// namespaces are kept until all are known, because each namespace starts from `default`.
struct ConfigurationReader {
    /// Who set a key: where it stands in the file, or which variable.
    struct Origin: Equatable {
        var position: SourcePosition?
        /// The key with its section, or the variable's name.
        var key: String
    }

    enum RawValue {
        case node(TOMLNode)
        case text(String)
    }

    struct Setting {
        var value: RawValue
        var origin: Origin
    }

    private(set) var configuration = ProxyConfiguration()
    private(set) var errors: [ConfigurationError] = []

    /// The last that set a key, by the key with its section.
    private(set) var origins: [String: Origin] = [:]
    /// Keys whose values are wrong; what depends on them is not looked at.
    private(set) var failed: Set<String> = []
    /// By namespace and key; what comes later goes over what is before it.
    private var namespaceSettings: [String: [String: [Setting]]] = [:]

    mutating func fail(_ message: String, at origin: Origin) {
        errors.append(
            ConfigurationError(
                line: origin.position?.line,
                column: origin.position?.column,
                key: origin.key,
                message: message
            )
        )
    }

    // MARK: Settings

    mutating func set(_ key: ConfigurationSchema.Key, in section: String, to setting: Setting) {
        let path = "\(section).\(key.name)"
        var changed = configuration
        if apply(key, setting, to: &changed) {
            configuration = changed
            origins[path] = setting.origin
        } else {
            failed.insert(path)
        }
    }

    mutating func setTTL(of namespace: String, to setting: Setting) {
        setNamespace(namespace, ConfigurationSchema.ttl.name, to: setting)
    }

    /// - Parameter key: a key of `ConfigurationSchema.namespace`.
    mutating func setNamespace(_ namespace: String, _ key: String, to setting: Setting) {
        guard declareNamespace(namespace, at: setting.origin) else { return }
        let before = namespaceSettings[namespace]?[key]?.last
        if let before, (before.origin.position == nil) == (setting.origin.position == nil) {
            fail("is given by \(before.origin.key) too: leave one of the two out", at: setting.origin)
        }
        namespaceSettings[namespace, default: [:]][key, default: []].append(setting)
    }

    /// A namespace may have nothing but the default's settings.
    /// - Returns: false when it cannot be called so, which is then an error.
    mutating func declareNamespace(_ namespace: String, at origin: Origin) -> Bool {
        // A key of the cache service is its namespace, a colon, and the rest.
        let isName = namespace.unicodeScalars.allSatisfy { $0 != ":" && $0 != "\u{7F}" && $0 > " " }
        guard isName, !namespace.isEmpty else {
            fail("a namespace's name must not be empty or hold colons, spaces or control characters", at: origin)
            return false
        }
        if namespaceSettings[namespace] == nil { namespaceSettings[namespace] = [:] }
        return true
    }

    /// Every namespace that has been named so far, or is there by default.
    var namespaceNames: Set<String> {
        Set(namespaceSettings.keys).union(ProxyConfiguration.builtInTTLs.keys).union([
            ConfigurationSchema.defaultNamespace
        ])
    }

    private mutating func apply<Root>(_ key: ConfigurationKey<Root>, _ setting: Setting, to root: inout Root) -> Bool {
        do throws(ValueError) {
            switch setting.value {
            case .node(let node): try key.setNode(&root, node)
            case .text(let text): try key.setText(&root, text)
            }
            return true
        } catch {
            var origin = setting.origin
            if case .node(let node) = setting.value { origin.position = node.position(of: error) }
            fail(error.message, at: origin)
            return false
        }
    }

    // MARK: Namespaces

    mutating func mergeNamespaces() {
        let name = ConfigurationSchema.defaultNamespace
        var base = configuration.defaultNamespace
        applySettings(of: name, to: &base)
        configuration.defaultNamespace = base
        for name in namespaceNames.subtracting([name]) {
            var namespace = base
            // A table belongs to one namespace alone.
            namespace.tables = []
            if let ttl = ProxyConfiguration.builtInTTLs[name] { namespace.ttl = ttl }
            applySettings(of: name, to: &namespace)
            configuration.namespaces[name] = namespace
        }
    }

    private mutating func applySettings(of name: String, to namespace: inout ProxyConfiguration.Namespace) {
        guard let settings = namespaceSettings[name] else { return }
        for key in ConfigurationSchema.namespace {
            let path = "\(ConfigurationSchema.namespaceSection).\(name).\(key.name)"
            for setting in settings[key.name] ?? [] {
                if apply(key, setting, to: &namespace) {
                    origins[path] = setting.origin
                } else {
                    failed.insert(path)
                }
            }
        }
    }
}

extension TOMLNode {
    /// Where an error is: at the table's or the list's element that it is about, or at the value.
    func position(of error: ValueError) -> SourcePosition {
        if let position = error.position { return position }
        guard let index = error.index, case .array(let elements) = value, elements.indices.contains(index) else {
            return position
        }
        return elements[index].position
    }
}
