package import NIOCore
package import QueryCache
package import QueryProxy

/// What a front end hands requests to.
package protocol RequestHandler: Sendable {
    /// Begins a request, and answers it where the answer is at hand without waiting for anything. Called on the connection's
    /// event loop.
    func begin(_ request: ProxyRequest) -> Beginning

    /// Writes the answer as a line, where it is at hand for a request that was answered so before. Called on the connection's
    /// event loop.
    ///
    /// - Parameters:
    ///   - id: as it is to be echoed; empty where there is none.
    ///   - began: when the request had been read.
    func writeHit(
        _ lookup: ReadyLookup,
        id: UnsafeRawBufferPointer,
        since began: NIODeadline,
        into output: inout ByteBuffer
    ) -> Bool

    /// Asks the processor for memory that ``writeHit(_:id:since:into:)`` will touch; the steps in their order.
    func prefetch(_ key: CacheKey, _ step: MemoryPrefetch)

    /// Begins a request that was answered before, and whose answer ``writeHit(_:id:since:into:)`` has not found. Called on the
    /// connection's event loop.
    func begin(again lookup: ReadyLookup, since began: NIODeadline) -> BeginningAgain

    /// Begins a look-up in Redis for a request that memory has no answer to; nil where that is of no use.
    func redisLookup(for read: PendingRead) -> RedisLookup?

    /// The answer, if what Redis said is one. Called on the connection's event loop.
    func answer(
        to asked: RedisLookup,
        _ lookup: ReadyLookup,
        _ read: SharedRead,
        since began: NIODeadline
    ) -> Response?

    /// Fetches the answer to a read that neither memory nor Redis has answered, without a task. Called on the connection's event
    /// loop.
    ///
    /// - Parameter body: told the answer once, on any thread, maybe before this returns.
    /// - Returns: nil where ``response(to:after:on:)`` is to be asked.
    func fetch(
        _ read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor,
        _ body: @escaping @Sendable (Response) -> Void
    ) -> QueryCache.Wait?

    /// The answer to a read that neither memory nor Redis has answered. Never throws: a failure is an answer. When the task is
    /// cancelled nobody waits any more.
    func response(
        to read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor
    ) async -> Response

    /// Whether a request that began then has taken so long that ``noteIfSlow(_:_:since:)`` would say so.
    func isSlow(since began: NIODeadline) -> Bool

    /// Told of requests that were answered without ``response(to:on:)`` and are slow.
    func noteIfSlow(_ request: ProxyRequest, _ response: Response, since began: NIODeadline)

    /// A line could not be read, or came too late: it is answered with this error without being handed in.
    func refused(_ error: ProxyError)

    /// The answer. Never throws: a failure is an answer. When the task is cancelled nobody waits any more.
    func response(to request: ProxyRequest, on eventLoop: any EventLoop) async -> Response
}

extension RequestHandler {
    package func refused(_ error: ProxyError) {}
}
