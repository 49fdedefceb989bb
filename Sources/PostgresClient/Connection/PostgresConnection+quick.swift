internal import Synchronization

extension PostgresConnection {
    /// Runs quick reads in one message to the server, one behind the other. Every one of them ends; those that could not be run
    /// here are to be run by themselves.
    func run(_ batch: QuickReadBatch, planVersion: UInt64) async {
        // What has ended already stays as it is.
        defer { batch.endAll(.again) }
        guard await isReady(planVersion: planVersion) else { return }
        let timer = loop.schedule(at: .now + QuickReadBatch.patience) { batch.letGo() }
        defer { loop.cancel(timer) }
        var next = 0
        while next < batch.reads.count, isUsable {
            // One whose statement is not prepared here goes first and alone, so that the others find it prepared.
            let last = batch.reads[next...].firstIndex { !isPrepared($0.step) } ?? batch.reads.count
            let end = max(last, next + 1)
            await run(batch, next..<end)
            next = end
        }
    }

    private func isPrepared(_ step: PostgresStep) -> Bool {
        prepared.statement(for: PreparedStatements.Key(sql: step.sql, planKey: step.planKey)) != nil
    }

    private func run(_ batch: QuickReadBatch, _ range: Range<Int>) async {
        let exchanges = range.map { index in
            let read = batch.reads[index]
            read.began(on: self)
            var exchange = Exchange(
                script: read.script,
                connection: self,
                deadline: read.deadline,
                interruption: read.interruption
            )
            exchange.queue(read.script, [read.parameters], &prepared)
            return QueuedExchange(exchange)
        }
        for (index, queued) in zip(range, exchanges) where isUsable {
            batch.isWaiting(for: index)
            guard let exchange = queued.take() else { return }
            batch.reads[index].end(await outcome(of: exchange))
        }
    }

    private func outcome(of exchange: consuming Exchange) async -> QuickRead.Outcome {
        let began = ContinuousClock.now
        do throws(PostgresError) {
            let encoders = try await exchange.run()
            // A type that is not known is asked for where it can be.
            guard let encoder = encoders.first, encoder.missingTypes.isEmpty else { return .again }
            var result = encoder.close()
            result.duration = began.duration(to: .now)
            return .result(result)
        } catch {
            // Another's cancel request may have met this one; what broke, or is out of date, is put right when it runs alone.
            let isOwn = error.code != .connectionLost && !error.isStalePlan
            let wasMeant = error.code != .server || error.sqlState != "57014"
            return isOwn && wasMeant ? .failure(error) : .again
        }
    }
}

/// An exchange that waits for its turn, since an array cannot hold what must not be copied.
private final class QueuedExchange {
    private var exchange: Exchange?

    init(_ exchange: consuming Exchange) {
        self.exchange = consume exchange
    }

    func take() -> Exchange? {
        exchange.take()
    }
}
