internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The socket below a channel, to write short answers to without the way through the pipeline and the channel's queue.
///
/// Whoever writes makes sure, on the event loop, that the channel is active, since a descriptor that was closed may be
/// another connection's by now, and that the channel itself has nothing left to write, since that would come later.
struct DirectSocket {
    private let descriptor: Int32

    /// Nil where there is no such socket, as in a test.
    init?(_ context: ChannelHandlerContext) {
        let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }
        guard let handle else { return nil }
        descriptor = handle
    }

    /// Sends what there is room for, and returns how many bytes that was. An error is left for the channel to meet, which
    /// knows what to do about it.
    func send(_ buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { bytes in
            #if canImport(Darwin)
            let flags = MSG_DONTWAIT
            #else
            let flags = Int32(truncatingIfNeeded: MSG_DONTWAIT) | Int32(truncatingIfNeeded: MSG_NOSIGNAL)
            #endif
            #if canImport(Glibc)
            return max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags))
            #elseif canImport(Musl)
            return max(0, Musl.send(descriptor, bytes.baseAddress, bytes.count, flags))
            #else
            return max(0, Darwin.send(descriptor, bytes.baseAddress, bytes.count, flags))
            #endif
        }
    }
}
