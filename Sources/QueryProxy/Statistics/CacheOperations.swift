internal import NIOCore
package import Observability
internal import Synchronization

/// What is done in Redis with entries and values, with the time it took: `cache_operation_duration_seconds`.
package final class CacheOperations: Sendable {
    package enum Operation: String, Sendable, CaseIterable {
        /// An entry or a value is read.
        case get
        /// One is stored.
        case set
        /// Something is invalidated or deleted.
        case delete
    }

    private let gets = LatencyHistogram()
    private let sets = LatencyHistogram()
    private let deletes = LatencyHistogram()
    private let found = Atomic<Int>(0)
    private let missing = Atomic<Int>(0)

    package init() {}

    /// Runs an operation and records its time, also where it fails.
    package func timed<Result>(
        _ operation: Operation,
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> sending Result
    ) async rethrows -> sending Result {
        let began = NIODeadline.now()
        defer { histogram(operation).record(nanoseconds: began.nanosecondsUntilNow) }
        return try await body()
    }

    /// A caller asked for a value under a key of his own.
    package func answered(isFound: Bool) {
        if isFound { found.add(1, ordering: .relaxed) } else { missing.add(1, ordering: .relaxed) }
    }

    /// Values asked for by key that were there, and that were not.
    package var values: (found: Int, missing: Int) {
        (found.load(ordering: .relaxed), missing.load(ordering: .relaxed))
    }

    package func snapshot(of operation: Operation) -> LatencySnapshot { histogram(operation).snapshot }

    private func histogram(_ operation: Operation) -> LatencyHistogram {
        switch operation {
        case .get: gets
        case .set: sets
        case .delete: deletes
        }
    }
}
