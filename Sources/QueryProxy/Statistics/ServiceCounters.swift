internal import Synchronization

/// Counts of what the cache service and the sessions were asked.
///
/// `get = hit + miss + degraded`, and `session.get = sessionFound + sessionMissing`, but for requests that failed, which
/// are counted by their codes with those of all others.
final class ServiceCounters: Sendable {
    enum Event: Int, Sendable, CaseIterable {
        /// `get`: found; not found; not asked, since Redis was away.
        case hit
        case miss
        case degraded
        /// Values stored by `set`; values that `delete` found and removed.
        case stored
        case deleted
        case sessionCreated
        case sessionFound
        case sessionMissing
        case sessionUpdated
        case sessionConflict
        case sessionExtended
        /// By `session.delete` and `session.delete_user`.
        case sessionDeleted
        case sessionRotated
        /// An id that had been replaced was shown for rotation again.
        case sessionReused
    }

    /// With the names that `stats` and the metrics have for them.
    static let sessionEvents: [(name: String, event: Event)] = [
        ("created", .sessionCreated), ("found", .sessionFound), ("missing", .sessionMissing),
        ("updated", .sessionUpdated), ("conflicts", .sessionConflict), ("extended", .sessionExtended),
        ("deleted", .sessionDeleted), ("rotated", .sessionRotated), ("reused", .sessionReused),
    ]

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    private let counters = Event.allCases.map { _ in Counter() }

    func count(_ event: Event, by number: Int = 1) {
        counters[event.rawValue].value.add(number, ordering: .relaxed)
    }

    subscript(event: Event) -> Int { counters[event.rawValue].value.load(ordering: .relaxed) }
}
