package import NIOCore
package import QueryProxy

/// Where the dashboard, and the pages behind it, get what they show. None may wait for a server that is away.
package struct DashboardSources: Sendable {
    /// One moment's counts. Milliseconds since 1970.
    package var sample: @Sendable (_ time: Int64) -> LiveSample
    /// One moment's figures, a JSON object.
    package var figures: @Sendable (_ time: Int64, _ order: QueryOrder) async -> ByteBuffer
    /// The queries that are called most, a JSON object.
    package var queries: @Sendable (_ order: QueryOrder, _ limit: Int) -> ByteBuffer
    /// A JSON object. It may take as long as a server takes to be found away.
    package var advice: @Sendable () async -> ByteBuffer

    package init(
        sample: @escaping @Sendable (Int64) -> LiveSample,
        figures: @escaping @Sendable (Int64, QueryOrder) async -> ByteBuffer,
        queries: @escaping @Sendable (QueryOrder, Int) -> ByteBuffer,
        advice: @escaping @Sendable () async -> ByteBuffer
    ) {
        self.sample = sample
        self.figures = figures
        self.queries = queries
        self.advice = advice
    }
}
