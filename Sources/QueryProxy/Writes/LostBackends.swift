internal import Logging
internal import PostgresClient

/// Writes whose connection was lost before they were answered.
///
/// What they may have written is invalidated at once. But the server's process may not have noticed that it is alone, and
/// commit later:
///
/// 1. The connection breaks. Everything is invalidated, and the caller is told that the outcome is unknown.
/// 2. Somebody reads the old row, which is still the present one, and it is stored.
/// 3. The process, which knows of nothing, commits.
///
/// So it is ended, and looked for on another connection until it is gone; then everything is invalidated once more.
struct LostBackends: Sendable {
    /// How long one is looked for. PostgreSQL may be away as long as that; a process that cannot be ended (it waits for a
    /// disk that does not answer) holds up nobody.
    static let patience = Duration.seconds(600)
    static let longestPause = Duration.milliseconds(500)

    let stream: AsyncStream<PostgresBackend>
    private let continuation: AsyncStream<PostgresBackend>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func add(_ backend: PostgresBackend) {
        continuation.yield(backend)
    }
}

extension QueryProxy {
    /// What was not answered may have been committed, or still be.
    func outcomeIsUnknown(after error: PostgresError, _ own: [String]) async {
        _ = await invalidate(.everything, own)
        if let backend = error.backend { lostBackends.add(backend) }
    }

    /// Sees to the end of writes whose connection was lost, until the task is cancelled.
    package func watchLostBackends() async {
        await withDiscardingTaskGroup { group in
            for await backend in lostBackends.stream {
                group.addTask { await self.settle(backend) }
            }
            group.cancelAll()
        }
    }

    private func settle(_ backend: PostgresBackend) async {
        let end = ContinuousClock.now + LostBackends.patience
        var pause = Duration.milliseconds(10)
        while await isThere(backend) {
            guard ContinuousClock.now < end else {
                logger.warning(
                    "a write of unknown outcome may still be under way; its PostgreSQL process was not seen to end",
                    metadata: ["pid": "\(backend.processID)"]
                )
                break
            }
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            pause = min(pause * 2, LostBackends.longestPause)
        }
        _ = await invalidate(.everything, [])
    }

    /// True where PostgreSQL cannot be asked.
    private func isThere(_ backend: PostgresBackend) async -> Bool {
        // Another role's process may be looked at, not ended.
        for step in [backend.end, backend.look] {
            var script = PostgresScript(steps: [step])
            script.timeout = .milliseconds(settings.statementTimeout)
            script.isReadOnly = true
            if let rows = try? await postgres.run(script)[0].rows { return !rows.isEmpty }
        }
        return true
    }
}
