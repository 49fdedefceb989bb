import LineProtocol
import NIOCore
import QueryCache
import QueryProxy

/// A handler without a cache behind it: nothing is remembered, pending or slow.
protocol CachelessHandler: RequestHandler {}

extension CachelessHandler {
    func writeHit(
        _ lookup: ReadyLookup,
        id: UnsafeRawBufferPointer,
        since began: NIODeadline,
        into output: inout ByteBuffer
    ) -> Bool { false }

    func prefetch(_ key: CacheKey, _ step: MemoryPrefetch) {}

    func begin(again lookup: ReadyLookup, since began: NIODeadline) -> BeginningAgain { .unknown }

    func redisLookup(for read: PendingRead) -> RedisLookup? { nil }

    func answer(
        to asked: RedisLookup,
        _ lookup: ReadyLookup,
        _ read: SharedRead,
        since began: NIODeadline
    ) -> Response? { nil }

    func fetch(
        _ read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor,
        _ body: @escaping @Sendable (Response) -> Void
    ) -> QueryCache.Wait? { nil }

    func response(
        to read: PendingRead,
        after asked: (RedisLookup, SharedRead?)?,
        on executor: any TaskExecutor
    ) async -> Response { .members(ByteBuffer()) }

    func isSlow(since began: NIODeadline) -> Bool { false }

    func noteIfSlow(_ request: ProxyRequest, _ response: Response, since began: NIODeadline) {}
}
