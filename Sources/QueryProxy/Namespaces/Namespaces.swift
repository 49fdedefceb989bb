/// What a namespace sets for the entries in it. All times in milliseconds.
package struct NamespaceSettings: Sendable, Equatable {
    /// Zero stores nothing.
    package var ttl: Int64
    package var usesMemory = true
    package var staleWhileRevalidate: Int64 = 0
    package var staleIfError: Int64 = 0
    /// Misses that may be under way at once; zero for no limit.
    package var missLimit = 0
    /// Hot answers are fetched anew before they expire.
    package var refreshesEarly = false

    package init(ttl: Int64) {
        self.ttl = ttl
    }
}

/// The namespaces there are, and how a statement finds its own.
///
/// A request may name one; else it is the namespace that lists one of the statement's tables, else the one named like the
/// first table that the statement names, else `default`. A name that nobody configured is a namespace too, with the
/// default's settings, so that a caller's spelling is never an error but its entries stay apart.
package struct Namespaces: Sendable {
    package static let defaultName = "default"

    private let named: [String: NamespaceSettings]
    private let byTable: [String: String]
    private let fallback: NamespaceSettings

    /// - Parameter tables: qualified table name (`public.products`) to the namespace that lists it.
    package init(named: [String: NamespaceSettings], tables: [String: String], fallback: NamespaceSettings) {
        self.named = named
        self.byTable = tables
        self.fallback = fallback
    }

    package func settings(of name: String) -> NamespaceSettings {
        named[name] ?? fallback
    }

    package func isConfigured(_ name: String) -> Bool { named[name] != nil }

    package var names: [String] { named.keys.sorted() }

    /// Whether statements belong to the same namespaces under both.
    func hasSameNames(as other: Namespaces) -> Bool {
        byTable == other.byTable && Set(named.keys) == Set(other.named.keys)
    }

    /// - Parameters:
    ///   - tables: the qualified names of what the statement reads, as PostgreSQL told them.
    ///   - firstNamed: the first relation that the statement's text names, without its schema.
    package func name(forTables tables: [String], firstNamed: String?) -> String {
        for table in tables {
            if let name = byTable[table] { return name }
        }
        if let firstNamed, named[firstNamed] != nil { return firstNamed }
        return Self.defaultName
    }
}
