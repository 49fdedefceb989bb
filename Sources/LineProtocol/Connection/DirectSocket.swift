internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The socket below a channel, for short requests and answers that need not go through its pipeline.
///
/// Whoever reads or writes makes sure, on the event loop, that the channel is active, since a descriptor that was closed may be
/// another connection's by now, and that what the channel has read, or has still to write, comes before.
struct DirectSocket {
    private let descriptor: Int32

    /// Nil where there is no such socket, as in a test.
    init?(_ context: ChannelHandlerContext) {
        let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }
        guard let handle else { return nil }
        descriptor = handle
    }

    /// Reads what has come, as far as there is room, and returns how many bytes that was. An end or an error is left for the
    /// channel to meet too.
    func receive(into room: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
        return max(0, Glibc.recv(descriptor, room.baseAddress, room.count, Int32(truncatingIfNeeded: MSG_DONTWAIT)))
        #elseif canImport(Musl)
        return max(0, Musl.recv(descriptor, room.baseAddress, room.count, Int32(truncatingIfNeeded: MSG_DONTWAIT)))
        #else
        return max(0, Darwin.recv(descriptor, room.baseAddress, room.count, MSG_DONTWAIT))
        #endif
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
