/// What a cache is configured with. Times in milliseconds, sizes in bytes.
package struct QueryCacheSettings: Sendable {
    /// Budget of this process's memory; zero keeps nothing there.
    package var memoryBytes = 64 << 20
    /// The part of a TTL that may be taken off at random, so that what was filled together does not expire together.
    package var jitter = 0.1
    /// A larger answer is not stored.
    package var maximumEntryBytes = 4 << 20
    /// While invalidations of other proxies may go unheard, memory serves only answers at most this old.
    package var degradedMaximumAge: Int64 = 3000
    package var guards = QueryCacheGuards()

    package init() {}
}

/// Each of these keeps stale answers away. They are always on; tests switch one off to see that its absence is noticed.
package struct QueryCacheGuards: Sendable {
    /// An entry is stored under the generations that were read before PostgreSQL was asked.
    package var fillsUnderEarlierGenerations = true
    /// Memory takes nothing of which an invalidation was seen since its read began.
    package var insertsOnlyIfUnseen = true
    /// Nobody joins a flight that began before an invalidation.
    package var joinsOnlyCurrentFlights = true
    /// Memory is emptied after a subscription has been confirmed, not before.
    package var dropsMemoryAfterSubscribing = true
    /// What Redis could not be told is told when it is back, before anything is read from it.
    package var queuesInvalidations = true
    /// What another server holds, or this one after a restart, is declared stale before it is read.
    package var beginsEpochOnAnotherServer = true
    /// Invalidations that follow each other closely are told together.
    package var gathersMessages = true
    /// A write whose connection was lost is seen to its end, and everything invalidated once more.
    package var watchesLostBackends = true
    /// A write of single rows makes stale what hangs on their table too.
    package var rowWritesReachTables = true

    package init() {}

    /// The names by which a guard can be switched off.
    package static let names = [
        "fills-under-earlier-generations", "inserts-only-if-unseen", "joins-only-current-flights",
        "drops-memory-after-subscribing", "queues-invalidations", "begins-epoch-on-another-server", "gathers-messages",
        "watches-lost-backends", "row-writes-reach-tables",
    ]

    /// - Returns: false where there is no guard of that name.
    package mutating func switchOff(_ name: String) -> Bool {
        switch name {
        case "fills-under-earlier-generations": fillsUnderEarlierGenerations = false
        case "inserts-only-if-unseen": insertsOnlyIfUnseen = false
        case "joins-only-current-flights": joinsOnlyCurrentFlights = false
        case "drops-memory-after-subscribing": dropsMemoryAfterSubscribing = false
        case "queues-invalidations": queuesInvalidations = false
        case "begins-epoch-on-another-server": beginsEpochOnAnotherServer = false
        case "gathers-messages": gathersMessages = false
        case "watches-lost-backends": watchesLostBackends = false
        case "row-writes-reach-tables": rowWritesReachTables = false
        default: return false
        }
        return true
    }
}
