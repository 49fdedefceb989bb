/// Figures of a ``MemoryStore`` at one moment. Every shard is read at a moment of its own.
///
/// `insertions` counts values that were stored, new ones and replacements; a value is in the store until it is replaced,
/// evicted or removed. `rejected` counts values that were too large and are not among the insertions.
package struct MemoryStatistics: Sendable, Equatable {
    package var entries = 0
    /// Costs of the entries, each with ``MemoryStore/overheadPerEntry``. Never above `budget`.
    package var bytes = 0
    package var budget = 0
    package var insertions = 0
    /// Entries that left to make room.
    package var evictions = 0
    /// Insertions of a key that had been evicted from the small queue a short while before.
    package var ghostHits = 0
    package var rejected = 0

    package init() {}
}
