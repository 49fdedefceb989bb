internal import Synchronization

extension RedisClient {
    /// Subscribes to the channels over a connection of its own, which is made again whenever it ends. It lasts until the
    /// reader drops the stream or the client is stopped; connecting begins with `run()`.
    ///
    /// The stream has one reader. After each `subscribed`, whatever was published before it may have been missed.
    package func subscriptions(to channels: [String]) -> AsyncStream<RedisSubscriptionEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RedisSubscriptionEvent.self,
            bufferingPolicy: .bufferingOldest(RedisSubscription.capacity)
        )
        let subscription = RedisSubscription(
            channels: channels,
            eventLoop: nextSlot().eventLoop,
            continuation: continuation
        )
        let isStopped = shared.withLock { $0.isStopped }
        guard !channels.isEmpty, !isStopped else {
            subscription.stop()
            return stream
        }
        continuation.onTermination = { _ in subscription.stop() }
        if case .terminated = subscriptionQueue.continuation.yield(subscription) { subscription.stop() }
        return stream
    }

    /// Ends those that were asked for and not begun. Those that run end with their tasks.
    func stopSubscriptions() async {
        subscriptionQueue.continuation.finish()
        for await subscription in subscriptionQueue.stream { subscription.stop() }
    }
}
