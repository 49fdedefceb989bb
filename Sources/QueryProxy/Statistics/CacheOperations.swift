internal import NIOCore
package import Observability

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

    package init() {}

    /// Runs an operation and records its time, also where it fails.
    package func timed<Result>(
        _ operation: Operation,
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> sending Result
    ) async rethrows -> sending Result {
        let began = NIODeadline.now()
        defer { ended(operation, since: began) }
        return try await body()
    }

    /// Records an operation that has just ended.
    func ended(_ operation: Operation, since began: NIODeadline) {
        histogram(operation).record(nanoseconds: began.nanosecondsUntilNow)
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
