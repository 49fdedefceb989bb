internal import DequeModule
internal import Synchronization

// Quick reads that come together share connections: those of one turn of the callers' event loops are gathered, and each
// connection gets several of them in one message. A change of processes costs PostgreSQL and us more than such a read does.
//
// Each is a transaction of its own, with its own synchronisation point, so what happens to one happens to no other. That
// one which turns out to be slow holds up those behind it is bounded: they are let go to other connections.
extension PostgresPool {
    /// What waits for the next connection, in the pool's state.
    struct QuickReads {
        var waiting: Deque<QuickRead> = []
        /// Somebody is about to look at them.
        var isDispatching = false
        /// They have a place in the queue for connections.
        var isQueued = false
        /// What ends the wait in that queue.
        var timer: Int?
        /// How many have been taken.
        private(set) var batches = 0

        /// As many as go together, and those that nobody waits for.
        mutating func takeBatch() -> (QuickReadBatch, abandoned: [QuickRead]) {
            var batch: [QuickRead] = []
            var abandoned: [QuickRead] = []
            var expected = Duration.zero
            while batch.count < QuickReadBatch.mostReads, let next = waiting.first {
                expected += next.expectedDuration
                if !batch.isEmpty, expected > QuickReadBatch.longestExpected { break }
                waiting.removeFirst()
                if next.interruption.isPending { abandoned.append(next) } else { batch.append(next) }
            }
            if !batch.isEmpty { batches += 1 }
            return (QuickReadBatch(batch), abandoned)
        }

        mutating func takeImpatient(_ now: ContinuousClock.Instant) -> [QuickRead] {
            let impatient = waiting.filter { $0.patience.end <= now }
            waiting.removeAll { $0.patience.end <= now }
            return Array(impatient)
        }

        mutating func takeAll() -> [QuickRead] {
            defer { waiting = [] }
            return Array(waiting)
        }
    }

    /// Runs a read together with others.
    ///
    /// - Returns: nil where it is to be run by itself.
    func runTogether(_ read: QuickRead) async throws(PostgresError) -> [PostgresResult]? {
        let outcome = await read.outcome {
            if !self.runDirectly(read) { self.submit(read) }
        }
        switch outcome {
        case .result(let result): return [result]
        case .failure(let error): throw error
        case .again: return nil
        }
    }

    private func submit(_ read: QuickRead) {
        let isFirst = state.withLock { state in
            state.quick.waiting.append(read)
            defer { state.quick.isDispatching = true }
            return !state.quick.isDispatching
        }
        // By the time it looks, the others of this turn have come.
        if isFirst { loops[0].execute { self.dispatch() } }
    }

    private enum Step {
        case run(QuickReadBatch, on: PostgresConnection, abandoned: [QuickRead])
        case fail([QuickRead], PostgresError)
        case wait(PoolState<PostgresConnection>.WaiterID, open: Int, until: ContinuousClock.Instant)
        case nothing
    }

    private func dispatch() {
        while true {
            switch state.withLock({ nextStep(&$0) }) {
            case .run(let batch, let connection, let abandoned):
                for read in abandoned { read.end(.again) }
                start(batch, on: connection)
            case .fail(let reads, let error):
                for read in reads { read.end(.failure(error)) }
                return
            case .wait(let waiter, let open, let end):
                request(open)
                let timer = loops[0].schedule(at: end) {
                    self.giveUp(waiter, PostgresError(.acquireTimeout, "no PostgreSQL connection came free in time"))
                }
                return state.withLock { $0.quick.timer = timer }
            case .nothing: return
            }
        }
    }

    private func nextStep(_ state: inout State) -> Step {
        guard let first = state.quick.waiting.first, !state.quick.isQueued else {
            state.quick.isDispatching = false
            return .nothing
        }
        switch state.pool.acquire() {
        case .connection(let connection):
            let (batch, abandoned) = state.quick.takeBatch()
            return .run(batch, on: connection, abandoned: abandoned)
        case .fail(let error):
            state.quick.isDispatching = false
            return .fail(state.quick.takeAll(), error)
        case .wait(let waiter, let open):
            state.quick.isDispatching = false
            state.quick.isQueued = true
            state.waiters[waiter] = { self.quickReadsAreServed($0) }
            return .wait(waiter, open: open, until: first.patience.end)
        }
    }

    /// Their turn in the queue has come, or their time is over.
    private func quickReadsAreServed(_ result: Result<PostgresConnection, PostgresError>) {
        let (impatient, looksAgain, timer) = state.withLock { state in
            state.quick.isQueued = false
            let impatient: [(QuickRead, PostgresError)]
            switch result {
            case .success: impatient = []
            // Those that came later have more time.
            case .failure(let error) where error.code == .acquireTimeout:
                impatient = state.quick.takeImpatient(.now).map { ($0, $0.patience.error) }
            case .failure(let error): impatient = state.quick.takeAll().map { ($0, error) }
            }
            let looksAgain = !state.quick.isDispatching
            state.quick.isDispatching = true
            return (impatient, looksAgain, state.quick.timer.take())
        }
        if let timer { loops[0].cancel(timer) }
        for (read, error) in impatient { read.end(.failure(error)) }
        if case .success(let connection) = result {
            let (batch, abandoned) = state.withLock { $0.quick.takeBatch() }
            for read in abandoned { read.end(.again) }
            start(batch, on: connection)
        }
        if looksAgain { loops[0].execute { self.dispatch() } }
    }

    private func start(_ batch: QuickReadBatch, on connection: PostgresConnection) {
        if batch.reads.isEmpty { return release(connection, needsReset: false) }
        if isOutdated(connection) {
            batch.endAll(.again)
            return discard(connection)
        }
        let version = planVersion.load(ordering: .acquiring)
        Task(executorPreference: connection.loop) {
            await connection.run(batch, planVersion: version)
            self.release(connection, needsReset: false)
        }
    }
}
