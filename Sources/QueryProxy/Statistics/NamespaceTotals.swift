internal import QueryCache
internal import Synchronization

/// What advice about a namespace rests on, besides its answers by source.
struct NamespaceTotals: Equatable {
    /// Of look-ups alone.
    var fetching = FetchFigures()
    var causes = MissCauses()
    /// Answers to statements that write; they are among the bypasses.
    var writes = 0
    /// Bypasses by reason, without the culprit.
    var reasons: [String: Int] = [:]
    /// What those look-ups took that Redis answered, or PostgreSQL after a miss, in microseconds: the way to Redis, leases,
    /// storing, and PostgreSQL.
    var lookupMicroseconds = 0

    /// What caching itself took.
    var overheadMicroseconds: Int { max(0, lookupMicroseconds - fetching.microseconds) }
}

/// The totals of each namespace. Nothing is counted here for a hit in memory.
///
/// A name past the bound counts as `other`, as in ``RequestCounters``.
final class NamespaceTable: Sendable {
    private static let maximumNames = 1000
    private static let maximumReasons = 50
    private let state = Mutex([String: NamespaceTotals]())

    func change(_ namespace: String, _ body: (inout NamespaceTotals) -> Void) {
        state.withLock { totals in
            let isKept =
                totals[namespace] != nil
                || (totals.count < Self.maximumNames && namespace.utf8.count <= RequestCounters.maximumName)
            body(&totals[isKept ? namespace : RequestCounters.otherName, default: NamespaceTotals()])
        }
    }

    func count(_ answer: AnsweredQuery, lookupMicroseconds: Int) {
        change(answer.namespace) { totals in
            totals.lookupMicroseconds += lookupMicroseconds
            if let cause = answer.cause { totals.causes.count(cause, ttl: answer.ttl) }
            guard let reason = answer.reason else { return }
            if reason == "write" { totals.writes += 1 }
            if totals.reasons.count < Self.maximumReasons || totals.reasons[reason] != nil {
                totals.reasons[reason, default: 0] += 1
            }
        }
    }

    func countFetch(_ namespace: String, microseconds: Int, bytes: Int) {
        change(namespace) { totals in
            totals.fetching.count += 1
            totals.fetching.microseconds += microseconds
            totals.fetching.bytes += bytes
            totals.fetching.largest = max(totals.fetching.largest, bytes)
        }
    }

    subscript(namespace: String) -> NamespaceTotals {
        state.withLock { $0[namespace] } ?? NamespaceTotals()
    }
}
