internal import Synchronization

/// The flights under way, at most one per key that can be joined.
///
/// Invariant: the count of a namespace's misses is that of its flights between ``join(_:namespace:limit:canJoin:make:)``
/// and ``ended(_:of:namespace:)``.
final class FlightTable: Sendable {
    enum Boarding {
        case joined(Flight, waiter: Int)
        /// The caller is to start it.
        case new(Flight, waiter: Int?)
        /// The namespace has too many misses under way.
        case refused
    }

    private struct State {
        var flights: [CacheKey: Flight] = [:]
        var misses: [String: Int] = [:]
        var started = 0
        var joined = 0
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.flights.count } }
    var started: Int { state.withLock { $0.started } }
    var joined: Int { state.withLock { $0.joined } }

    /// Joins the flight for a key, or makes a new one, which replaces one that cannot be joined.
    ///
    /// - Parameter limit: of misses under way in the namespace; zero for none.
    func join(
        _ key: CacheKey,
        namespace: String,
        limit: Int,
        canJoin: (Flight) -> Bool,
        make: () -> Flight
    ) -> Boarding {
        state.withLock { state in
            if let flight = state.flights[key], canJoin(flight) {
                if let waiter = flight.join() {
                    state.joined += 1
                    return .joined(flight, waiter: waiter)
                }
            }
            if limit > 0, state.misses[namespace, default: 0] >= limit { return .refused }
            let flight = make()
            state.misses[namespace, default: 0] += 1
            state.started += 1
            state.flights[key] = flight
            return .new(flight, waiter: flight.isInBackground ? nil : flight.join())
        }
    }

    /// Nobody joins it any more.
    func remove(_ flight: Flight, of key: CacheKey) {
        state.withLock { state in
            if state.flights[key] === flight { state.flights[key] = nil }
        }
    }

    func ended(_ flight: Flight, of key: CacheKey, namespace: String) {
        state.withLock { state in
            if state.flights[key] === flight { state.flights[key] = nil }
            let left = (state.misses[namespace] ?? 1) - 1
            state.misses[namespace] = left == 0 ? nil : left
        }
    }
}
