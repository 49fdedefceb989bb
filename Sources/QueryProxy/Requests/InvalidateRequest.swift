/// What a caller wants dropped.
package struct InvalidateRequest: Sendable, Equatable {
    /// Callers' tags.
    package var tags: [String] = []
    /// A glob over callers' tags and over keys of the cache service.
    package var pattern: String?
    package var namespaces: [String] = []
    /// Qualified (`public.products`); a name alone is one of the schema `public`.
    package var tables: [String] = []
    /// Keys of the cache service.
    package var keys: [String] = []
    package var everything = false
    /// For those who read the channel.
    package var reason: String?

    package init() {}

    package var isEmpty: Bool {
        tags.isEmpty && pattern == nil && namespaces.isEmpty && tables.isEmpty && keys.isEmpty && !everything
    }
}
