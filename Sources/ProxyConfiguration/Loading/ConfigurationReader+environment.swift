// Environment variables: CISTERN_SECTION_KEY for every key, and a few names that other programs use as well.

extension ConfigurationReader {
    static let prefix = "CISTERN_"

    mutating func read(_ environment: [String: String]) {
        // Whatever starts like one of our sections and is none of our keys is left over at the end.
        var ours = environment.filter { Self.isOurs($0.key) }
        for section in ConfigurationSchema.sections {
            for key in section.keys {
                let name = Self.variable(section.name, key.name)
                // Ours wins over the name that is shared with other programs.
                let shared = key.variable.flatMap { variable in environment[variable].map { (variable, $0) } }
                if let text = ours.removeValue(forKey: name) {
                    set(key, in: section.name, to: Self.setting(text, from: name))
                } else if let (variable, text) = shared {
                    set(key, in: section.name, to: Self.setting(text, from: variable))
                }
            }
        }
        for (name, text) in ours.sorted(by: { $0.key < $1.key }) {
            if let rest = Self.rest(of: name, after: ConfigurationSchema.ttlSection), !rest.isEmpty {
                guard let namespace = namespace(spelled: rest, in: name) else { continue }
                setTTL(of: namespace, to: Self.setting(text, from: name))
            } else if let (word, key) = Self.namespaceKey(name) {
                guard let namespace = namespace(spelled: word, in: name) else { continue }
                setNamespace(namespace, key, to: Self.setting(text, from: name))
            } else {
                refuse(name)
            }
        }
    }

    /// `CISTERN_LISTEN_…` is ours, `CISTERN_CONFIG` and `CISTERN_TEST_…` are not.
    private static func isOurs(_ name: String) -> Bool {
        ConfigurationSchema.sectionNames.contains { section in
            name == variable(section) || name.hasPrefix("\(variable(section))_")
        }
    }

    static func variable(_ parts: String...) -> String {
        prefix + parts.joined(separator: "_").uppercased()
    }

    private static func setting(_ text: String, from variable: String) -> Setting {
        Setting(value: .text(text), origin: Origin(position: nil, key: variable))
    }

    private static func rest(of name: String, after section: String) -> String? {
        let start = "\(variable(section))_"
        return name.hasPrefix(start) ? String(name.dropFirst(start.count)) : nil
    }

    /// Splits `CISTERN_NAMESPACE_NAME_KEY`. No key ends in an underscore and another key, so there is one way to do it.
    private static func namespaceKey(_ name: String) -> (namespace: String, key: String)? {
        guard let rest = rest(of: name, after: ConfigurationSchema.namespaceSection) else { return nil }
        for key in ConfigurationSchema.namespace.map(\.name) {
            let suffix = "_\(key.uppercased())"
            if rest.hasSuffix(suffix), rest.count > suffix.count { return (String(rest.dropLast(suffix.count)), key) }
        }
        return nil
    }

    /// The namespace that a variable means: a known one that is spelled so in capitals, else a new one in small
    /// letters.
    private mutating func namespace(spelled word: String, in variable: String) -> String? {
        let known = namespaceNames.filter { name in
            name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" } == Array(word)
        }.sorted()
        if known.count > 1 {
            let names = known.joined(separator: " and ")
            fail("could mean \(names): set it in the file", at: Origin(position: nil, key: variable))
            return nil
        }
        return known.first ?? word.lowercased()
    }

    private mutating func refuse(_ name: String) {
        let namespaceStart = Self.variable(ConfigurationSchema.namespaceSection)
        var known = ConfigurationSchema.sections.flatMap { section in
            section.keys.map { Self.variable(section.name, $0.name) }
        }
        var hint = ""
        if name.hasPrefix(namespaceStart) {
            let keys = ConfigurationSchema.namespace.map { $0.name.uppercased() }.joined(separator: ", ")
            hint = "; it must be \(namespaceStart)_NAME_ and one of \(keys)"
            known = []
        }
        if let suggestion = Suggestion.nearest(to: name, among: known) { hint = "; did you mean \(suggestion)?" }
        fail("sets no key\(hint)", at: Origin(position: nil, key: name))
    }
}
