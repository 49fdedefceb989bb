internal import Synchronization

/// Asks a part how it is, however many want to know: those who come while a question is under way wait for its answer, and
/// an answer counts for a second. A storm of health checks therefore costs the part one question a second, and nobody waits
/// longer than the limit.
package final class HealthProbe: Sendable {
    private struct State {
        var last: (report: HealthReport, at: ContinuousClock.Instant)?
        var underWay: Task<HealthReport, Never>?
    }

    private let lifetime: Duration
    private let limit: Duration
    private let silence: @Sendable () -> String
    private let now: @Sendable () -> ContinuousClock.Instant
    private let ask: @Sendable () async -> HealthReport
    private let state = Mutex(State())

    /// - Parameters:
    ///   - lifetime: how long an answer counts.
    ///   - limit: how long the part has to answer.
    ///   - silence: the error where it does not.
    package init(
        lifetime: Duration = .seconds(1),
        limit: Duration = .seconds(2),
        silence: @escaping @Sendable () -> String,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        ask: @escaping @Sendable () async -> HealthReport
    ) {
        self.lifetime = lifetime
        self.limit = limit
        self.silence = silence
        self.now = now
        self.ask = ask
    }

    package func report() async -> HealthReport {
        enum Step {
            case known(HealthReport)
            case wait(Task<HealthReport, Never>)
        }
        let step: Step = state.withLock { state in
            if let last = state.last, now() - last.at < lifetime { return .known(last.report) }
            if let task = state.underWay { return .wait(task) }
            // It belongs to all who wait for it, so it is no child of the first; the limit ends it.
            let task = Task { [self] in
                let report = await askInTime()
                self.state.withLock { state in
                    state.last = (report, now())
                    state.underWay = nil
                }
                return report
            }
            state.underWay = task
            return .wait(task)
        }
        switch step {
        case .known(let report): return report
        case .wait(let task): return await task.value
        }
    }

    private func askInTime() async -> HealthReport {
        // Not a task group, which would wait for a question that cannot be cancelled. Such a question ends with the part's
        // own time limit.
        let (answers, sink) = AsyncStream.makeStream(of: HealthReport?.self)
        let question = Task { [ask] in sink.yield(await ask()) }
        let timer = Task { [limit] in
            if (try? await Task.sleep(for: limit)) != nil { sink.yield(nil) }
        }
        defer {
            question.cancel()
            timer.cancel()
        }
        for await answer in answers { return answer ?? HealthReport(.unhealthy, error: silence()) }
        return HealthReport(.unhealthy, error: silence())
    }
}
