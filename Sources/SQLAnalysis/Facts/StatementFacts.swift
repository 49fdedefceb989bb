/// What the server says of a statement.
package struct StatementFacts: Sendable, Equatable {
    /// What it reads, as `schema.name`: partitions as their roots, views as what they read, inherited children too;
    /// sorted.
    package var tables: [String]
    /// It calls a function that may read tables of which nothing tells.
    package var readsUnknown: Bool
    package var cacheability: Cacheability
    /// Of the only table that it reads, where its text pins the rows by it.
    package var rowKey: RowKey?

    package init(tables: [String], readsUnknown: Bool, cacheability: Cacheability, rowKey: RowKey? = nil) {
        self.tables = tables
        self.readsUnknown = readsUnknown
        self.cacheability = cacheability
        self.rowKey = rowKey
    }
}
