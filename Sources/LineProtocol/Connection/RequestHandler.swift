package import NIOCore
package import QueryProxy

/// What a front end hands requests to.
package protocol RequestHandler: Sendable {
    /// The answer, where it is at hand without waiting for anything. Called on the connection's event loop.
    func immediateAnswer(to request: ProxyRequest) -> ImmediateAnswer?

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

    /// A line could not be read, or came too late: it is answered with this error without being handed in.
    func refused(_ error: ProxyError)

    /// The answer. Never throws: a failure is an answer. When the task is cancelled nobody waits any more.
    func response(to request: ProxyRequest, on eventLoop: any EventLoop) async -> Response
}

extension RequestHandler {
    package func refused(_ error: ProxyError) {}
}
