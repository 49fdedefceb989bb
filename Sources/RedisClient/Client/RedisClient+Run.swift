internal import Logging
internal import NIOCore
internal import Synchronization

extension RedisClient {
    /// Connects every event loop's connection and the subscriptions, and connects them again when they end. Returns when the
    /// task is cancelled; the client cannot be run a second time.
    package func run() async {
        do {
            let connector = try RedisConnector(configuration)
            await withDiscardingTaskGroup { group in
                for slot in slots {
                    group.addTask { await self.maintain(slot, connector) }
                }
                for await subscription in subscriptionQueue.stream {
                    group.addTask { await subscription.maintain(connector, self.configuration, self.logger) }
                }
                group.cancelAll()
            }
        } catch {
            logger.error("Redis cannot be used", metadata: [LogKey.reason: "\(error)"])
            for slot in slots { disconnected(slot, error) }
            await untilCancelled()
        }
        for slot in slots { slot.stop() }
        await stopSubscriptions()
        resumeWaiters(with: .stopped, finally: true)
    }

    /// Waits for the first connection, as a program does before it starts to serve. Returns at once if there was one.
    ///
    /// - Throws: `unsupportedServer` if the server was refused as too old, `shuttingDown` if the client or the task that waits
    ///   was stopped. A server that cannot be reached is waited for.
    package func firstConnection() async throws(RedisError) {
        let waiter = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.wait(waiter, continuation)
            }
        } onCancel: {
            shared.withLock { shared in
                shared.waiters.updateValue(.cancelled, forKey: waiter)
            }?.resume(with: .stopped)
        }
        if let error { throw error }
    }

    private func wait(_ waiter: Int, _ continuation: CheckedContinuation<RedisError?, Never>) {
        enum Outcome {
            case wait
            case end(RedisError?)
        }
        let outcome = shared.withLock { shared -> Outcome in
            if let early = shared.waiters.removeValue(forKey: waiter), case .cancelled = early { return .end(.stopped) }
            if shared.availability.hasConnected { return .end(nil) }
            if let refusal = shared.availability.refusal { return .end(refusal) }
            if shared.isStopped { return .end(.stopped) }
            shared.waiters[waiter] = .waiting(continuation)
            return .wait
        }
        if case .end(let error) = outcome { continuation.resume(returning: error) }
    }

    /// - Parameter finally: nobody can wait any more.
    func resumeWaiters(with error: RedisError?, finally: Bool = false) {
        let waiters = shared.withLock { shared in
            if finally { shared.isStopped = true }
            let waiters = shared.waiters
            // One that was cancelled before it came to wait is still on its way.
            shared.waiters = waiters.filter { if case .cancelled = $0.value { true } else { false } }
            return waiters
        }
        for waiter in waiters.values { waiter.resume(with: error) }
    }

    // MARK: One connection

    private struct Ended: Sendable {
        var reason: RedisError
        var readySince: NIODeadline?
    }

    private func maintain(_ slot: RedisSlot, _ connector: RedisConnector) async {
        var backOff = BackOff()
        while !Task.isCancelled {
            let ended = await connection(on: slot, connector)
            let delay = backOff.next(
                lifetime: ended.readySince.map { .now() - $0 },
                random: Double.random(in: 0..<1)
            )
            logger.debug(
                "a connection to Redis ended",
                metadata: [LogKey.reason: "\(ended.reason)", LogKey.delay: "\(delay.nanoseconds / 1_000_000) ms"]
            )
            try? await Task.sleep(nanoseconds: UInt64(max(0, delay.nanoseconds)))
        }
    }

    /// Connects, and returns when the connection has ended.
    private func connection(on slot: RedisSlot, _ connector: RedisConnector) async -> Ended {
        let promise = slot.eventLoop.makePromise(of: Ended.self)
        let deadline = NIODeadline.now() + configuration.connectTimeout
        let connecting = connector.connect(on: slot.eventLoop) {
            self.makeHandler(for: slot, deadline: deadline, promise)
        }
        // From here on, either there is a handler, which tells its end, or there never will be one.
        connecting.whenFailure { error in
            let reason = RedisError(code: .unavailable, message: "Redis cannot be reached: \(error)")
            self.disconnected(slot, reason)
            promise.succeed(Ended(reason: reason, readySince: nil))
        }
        return await withTaskCancellationHandler {
            await promise.futureResult.ended()
        } onCancel: {
            slot.stop()
        }
    }

    /// Called on the slot's event loop.
    private func makeHandler(
        for slot: RedisSlot,
        deadline: NIODeadline,
        _ promise: EventLoopPromise<Ended>
    ) -> RedisConnectionHandler {
        var readySince: NIODeadline?
        let events = RedisConnectionHandler.Events(
            ready: { identity in
                readySince = .now()
                self.connected(slot, identity)
            },
            closed: { reason in
                slot.detach()
                self.disconnected(slot, reason)
                promise.succeed(Ended(reason: reason, readySince: readySince))
            }
        )
        let handler = RedisConnectionHandler(
            handshake: RedisHandshake(settings: configuration.handshakeSettings),
            timeout: configuration.socketTimeout,
            handshakeDeadline: deadline,
            events: events
        )
        slot.attach(handler)
        return handler
    }

    private func untilCancelled() async {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        continuation.finish()
    }
}

extension RedisConfiguration {
    var handshakeSettings: RedisHandshake.Settings {
        RedisHandshake.Settings(
            user: user,
            password: password,
            database: database,
            clientName: clientName,
            introduction: introduction
        )
    }
}
