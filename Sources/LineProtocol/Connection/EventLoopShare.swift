internal import NIOCore
internal import QueryProxy

/// What the connections of one event loop share, since only one of them runs at a time.
final class EventLoopShare {
    /// A larger buffer is given back to the system.
    private static let largestSpare = 64 * 1024

    let lines = RecalledLines<ReadyLookup>()
    let executor: EventLoopTaskExecutor
    private var spare = ByteBuffer()

    init(_ eventLoop: any EventLoop) {
        executor = EventLoopTaskExecutor(eventLoop)
    }

    /// An empty buffer to write answers into.
    @inline(__always)
    func takeBuffer() -> ByteBuffer {
        var buffer = ByteBuffer()
        swap(&buffer, &spare)
        // In the memory that it has, if the channel is done with that.
        buffer.clear(minimumCapacity: 1024)
        return buffer
    }

    @inline(__always)
    func giveBack(_ buffer: consuming ByteBuffer) {
        if buffer.capacity <= Self.largestSpare { spare = buffer }
    }
}
