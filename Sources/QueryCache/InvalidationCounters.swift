internal import Synchronization

/// What has been invalidated, by who said so and by what it was.
final class InvalidationCounters: Sendable {
    private let state = Mutex(InvalidationCounts())

    func count(_ invalidation: Invalidation, isOwn: Bool) {
        state.withLock { counts in
            if isOwn { counts.own.add(invalidation) } else { counts.heard.add(invalidation) }
        }
    }

    var counts: InvalidationCounts { state.withLock { $0 } }
}

/// Names that were invalidated, by kind.
package struct InvalidationCounts: Sendable, Equatable {
    package struct Kinds: Sendable, Equatable {
        package var everything = 0
        package var tables = 0
        /// Rows of tables of which nothing else was changed.
        package var rows = 0
        package var namespaces = 0
        /// Callers' tags.
        package var tags = 0
        package var patterns = 0
        /// Keys of the cache service.
        package var keys = 0

        mutating func add(_ invalidation: Invalidation) {
            for tag in invalidation.tags {
                switch tag {
                case .epoch: everything += 1
                case .table: tables += 1
                case .namespace: namespaces += 1
                case .user: tags += 1
                case .row: rows += 1
                // They go with every table, or with every one that is not told by rows.
                case .anyTable, .wholeTable: break
                }
            }
            patterns += invalidation.patterns.count
            keys += invalidation.keys.count
        }
    }

    /// By writes and requests of this process, by what its looks at the catalogs found, and by other services' messages,
    /// which every proxy takes on.
    package var own = Kinds()
    /// By other proxies.
    package var heard = Kinds()
}
