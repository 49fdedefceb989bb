internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// The shell around ``PoolState``: opens and closes connections, sends, and keeps the times.
///
/// Everything is decided under the lock and carried out after it.
final class ConnectionPool: Sendable {
    private struct Shared {
        var state: PoolState
        var waiting: [PoolState.RequestID: Exchange] = [:]
        var connections: [PoolState.ConnectionID: CisternConnection] = [:]
        var whenDrained: EventLoopPromise<Void>?
    }

    /// An action with what it is done to.
    private enum Effect {
        case send(Exchange, CisternConnection)
        case fail(Exchange, CisternError)
        case open(PoolState.ConnectionID)
        case close(CisternConnection)
        case wake(NIODeadline)
        case tell(EventLoopPromise<Void>)
    }

    /// Its clock is the pool's, and its timers.
    let eventLoop: any EventLoop
    private let connector: Connector
    private let shared: Mutex<Shared>

    init(_ settings: PoolState.Settings, connector: Connector, eventLoop: any EventLoop) {
        self.connector = connector
        self.eventLoop = eventLoop
        self.shared = Mutex(Shared(state: PoolState(settings)))
    }

    var figures: (connections: Int, inFlight: Int, waiting: Int) {
        shared.withLock { ($0.state.open, $0.state.inFlight, $0.state.waiting) }
    }

    // MARK: Requests

    func submit(_ exchange: Exchange) {
        let now = eventLoop.now
        let effects = shared.withLock { shared -> [Effect] in
            // Cancelled before it came here; nobody would take it out of the queue.
            if exchange.isSettled { return [] }
            switch shared.state.submit(exchange.number, deadline: exchange.queueDeadline, now: now) {
            case .place(let id, let actions):
                guard let connection = shared.connections[id] else { return Self.effects(of: actions, &shared) }
                return [.send(exchange, connection)] + Self.effects(of: actions, &shared)
            case .wait(let actions):
                shared.waiting[exchange.number] = exchange
                return Self.effects(of: actions, &shared)
            case .fail(let error):
                return [.fail(exchange, error)]
            }
        }
        carryOut(effects)
    }

    /// The exchange is settled: it need not wait any longer.
    func forget(_ exchange: Exchange) {
        decide { state, _ in
            state.forget(exchange.number).actions
        } alsoUnderLock: { shared in
            shared.waiting[exchange.number] = nil
        }
    }

    // MARK: Life

    /// Serves until the task is cancelled or the service shut down; in the second case what has been asked for is answered
    /// first, for at most `drainTimeout`.
    func run(drainTimeout: TimeAmount) async {
        decide { $0.start(now: $1) }
        try? await gracefulShutdown()
        if !Task.isCancelled { await drain(timeout: drainTimeout) }
        let connections = shared.withLock { Array($0.connections.values) }
        decide { state, _ in state.shutDown() }
        for connection in connections { try? await connection.closeFuture.get() }
    }

    private func drain(timeout: TimeAmount) async {
        let promise = eventLoop.makePromise(of: Void.self)
        shared.withLock { $0.whenDrained = promise }
        decide { state, _ in state.drain() }
        let timer = eventLoop.scheduleTask(in: timeout) { promise.succeed() }
        await withTaskCancellationHandler {
            try? await promise.futureResult.get()
        } onCancel: {
            promise.succeed()
        }
        timer.cancel()
    }

    // MARK: Connections

    private func open(_ id: PoolState.ConnectionID) {
        connector.connectGreeted().whenComplete { result in
            switch result {
            case .success(let (connection, greeting)): self.opened(id, connection, greeting)
            case .failure(let error):
                let reason = CisternError(unreachable: error, host: self.connector.host, port: self.connector.port)
                self.decide { $0.openingFailed(id, reason, now: $1, random: .random(in: 0..<1)) }
            }
        }
    }

    /// On the connection's event loop, so that it cannot end between the question and the answer.
    private func opened(_ id: PoolState.ConnectionID, _ connection: CisternConnection, _ greeting: ServerGreeting) {
        let events = ConnectionHandler.Events(
            freed: { self.decide { $0.freed(id, now: $1) } },
            closed: { error in
                self.decide {
                    $0.ended(id, error, now: $1, random: .random(in: 0..<1))
                } alsoUnderLock: {
                    $0.connections[id] = nil
                }
            }
        )
        guard connection.own(events, maximumRequestBytes: greeting.limits.maximumRequestBytes) else {
            let error = CisternError(.connectionLost, "the server closed the connection")
            return decide { $0.openingFailed(id, error, now: $1, random: .random(in: 0..<1)) }
        }
        let limit = greeting.limits.maximumInFlight
        decide {
            $0.opened(id, limit: limit, now: $1)
        } alsoUnderLock: {
            $0.connections[id] = connection
        }
    }

    // MARK: Deciding and carrying out

    private func decide(
        _ decision: (inout PoolState, NIODeadline) -> [PoolState.Action],
        alsoUnderLock: (inout Shared) -> Void = { _ in }
    ) {
        let now = eventLoop.now
        let effects = shared.withLock { shared in
            alsoUnderLock(&shared)
            return Self.effects(of: decision(&shared.state, now), &shared)
        }
        carryOut(effects)
    }

    private static func effects(of actions: [PoolState.Action], _ shared: inout Shared) -> [Effect] {
        actions.compactMap { action -> Effect? in
            switch action {
            case .place(let number, let id):
                guard let exchange = shared.waiting.removeValue(forKey: number) else { return nil }
                return shared.connections[id].map { .send(exchange, $0) }
            case .fail(let number, let error):
                return shared.waiting.removeValue(forKey: number).map { .fail($0, error) }
            case .open(let id): return .open(id)
            case .close(let id): return shared.connections.removeValue(forKey: id).map { .close($0) }
            case .wake(let time): return .wake(time)
            case .drained: return shared.whenDrained.map { .tell($0) }
            }
        }
    }

    private func carryOut(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let exchange, let connection): connection.submit(exchange)
            case .fail(let exchange, let error): exchange.settle(.failure(error))
            case .open(let id): open(id)
            case .close(let connection): connection.beginClose()
            case .wake(let time):
                eventLoop.scheduleTask(deadline: time) { [weak self] in self?.decide { $0.tick(now: $1) } }
            case .tell(let promise): promise.succeed()
            }
        }
    }
}
