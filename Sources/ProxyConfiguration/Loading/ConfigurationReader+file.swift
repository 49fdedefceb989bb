extension ConfigurationReader {
    mutating func read(_ document: TOMLDocument) {
        for error in document.errors {
            fail(error.message, at: Origin(position: error.position, key: error.key))
        }
        for entry in document.entries { readSection(entry) }
    }

    private mutating func readSection(_ entry: TOMLEntry) {
        guard ConfigurationSchema.sectionNames.contains(entry.key) else { return refuseSection(entry) }
        guard case .table(let entries) = entry.node.value else {
            let origin = Origin(position: entry.node.position, key: entry.key)
            return fail("must be a table, written [\(entry.key)], not \(entry.node.value.kind)", at: origin)
        }
        switch entry.key {
        case ConfigurationSchema.ttlSection:
            for entry in entries {
                let origin = Origin(position: entry.keyPosition, key: "\(ConfigurationSchema.ttlSection).\(entry.key)")
                setTTL(of: entry.key, to: Setting(value: .node(entry.node), origin: origin))
            }
        case ConfigurationSchema.namespaceSection:
            for entry in entries { readNamespace(entry) }
        default:
            let keys = ConfigurationSchema.sections.first { $0.name == entry.key }?.keys ?? []
            for member in entries { readKey(member, of: keys, in: entry.key) }
        }
    }

    private mutating func readKey(_ entry: TOMLEntry, of keys: [ConfigurationSchema.Key], in section: String) {
        let origin = Origin(position: entry.keyPosition, key: "\(section).\(entry.key)")
        if let key = keys.first(where: { $0.name == entry.key }) {
            set(key, in: section, to: Setting(value: .node(entry.node), origin: origin))
        } else {
            fail("is not a key of [\(section)]\(hint(for: entry.key, among: keys.map(\.name)))", at: origin)
        }
    }

    private mutating func readNamespace(_ entry: TOMLEntry) {
        let section = "\(ConfigurationSchema.namespaceSection).\(entry.key)"
        guard case .table(let members) = entry.node.value else {
            let origin = Origin(position: entry.node.position, key: section)
            return fail("must be a table, written [namespace.NAME], not \(entry.node.value.kind)", at: origin)
        }
        guard declareNamespace(entry.key, at: Origin(position: entry.keyPosition, key: section)) else { return }
        let names = ConfigurationSchema.namespace.map(\.name)
        for member in members {
            let origin = Origin(position: member.keyPosition, key: "\(section).\(member.key)")
            if names.contains(member.key) {
                setNamespace(entry.key, member.key, to: Setting(value: .node(member.node), origin: origin))
            } else {
                fail("is not a key of [namespace.NAME]\(hint(for: member.key, among: names))", at: origin)
            }
        }
    }

    private mutating func refuseSection(_ entry: TOMLEntry) {
        let origin = Origin(position: entry.keyPosition, key: entry.key)
        if case .table = entry.node.value {
            let suggestion = Suggestion.nearest(to: entry.key, among: ConfigurationSchema.sectionNames)
            fail("is not a section" + (suggestion.map { "; did you mean [\($0)]?" } ?? ""), at: origin)
        } else {
            fail("stands in no section" + hint(for: entry.key, among: []), at: origin)
        }
    }

    /// What was probably meant: a key of the same section, or the same name in another.
    private func hint(for name: String, among names: [String]) -> String {
        if let suggestion = Suggestion.nearest(to: name, among: names) { return "; did you mean \(suggestion)?" }
        let elsewhere = ConfigurationSchema.sections.filter { $0.keys.contains { $0.name == name } }
        guard let first = elsewhere.first, elsewhere.count == 1 else { return "" }
        return "; it belongs under [\(first.name)]"
    }
}
