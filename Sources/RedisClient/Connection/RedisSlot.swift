internal import NIOCore

/// The place of one connection: its event loop, and what is connected there now.
///
/// Everything but the two constants is touched on the event loop only.
final class RedisSlot: Sendable {
    private struct Content {
        var handler: RedisConnectionHandler?
        var isStopped = false
    }

    let index: Int
    let eventLoop: any EventLoop
    private let content: NIOLoopBoundBox<Content>

    init(index: Int, eventLoop: any EventLoop) {
        self.index = index
        self.eventLoop = eventLoop
        self.content = NIOLoopBoundBox.makeBoxSendingValue(Content(), eventLoop: eventLoop)
    }

    var isReady: Bool { content.value.handler?.isReady ?? false }

    func send(_ commands: [RedisCommand], waiter: RedisConnectionHandler.Waiter) {
        if let handler = content.value.handler {
            handler.send(commands, waiter: waiter)
        } else {
            waiter.fail(content.value.isStopped ? RedisError.stopped : RedisError.notConnected)
        }
    }

    func send(_ batch: RedisBatch, waiter: RedisConnectionHandler.Waiter) {
        if let handler = content.value.handler {
            handler.send(batch, waiter: waiter)
        } else {
            waiter.fail(content.value.isStopped ? RedisError.stopped : RedisError.notConnected)
        }
    }

    /// Takes the handler of a connection that is being made.
    func attach(_ handler: RedisConnectionHandler) {
        content.value.handler = handler
        if content.value.isStopped {
            eventLoop.assumeIsolated().execute { handler.close(.stopped) }
        }
    }

    func detach() {
        content.value.handler = nil
    }

    /// Ends the connection, and every one that is made later.
    func stop() {
        eventLoop.execute {
            self.content.value.isStopped = true
            self.content.value.handler?.close(.stopped)
        }
    }

    /// Ends the connection if it leads to another server than this one.
    func leave(unless identity: RedisServerIdentity) {
        eventLoop.execute {
            guard let handler = self.content.value.handler, let current = handler.identity,
                current.runID != identity.runID
            else { return }
            handler.close(RedisError(code: .unavailable, message: "another Redis server answers now"))
        }
    }
}
