internal import NIOCore
internal import QueryProxy

/// What the connections of one event loop share, since only one of them runs at a time.
///
/// Among it the sending: what was read from all the sockets that were ready is answered first, and the answers are sent one
/// behind the other when that is done, as Redis does it. (A gain from the order alone has not been measured.)
final class EventLoopShare {
    /// Bytes. A larger buffer is given back to the system.
    private static let largestSpare = 32 * 1024
    private static let mostSpares = 128

    let lines = RecalledLines<ReadyLookup>()
    let executor: EventLoopTaskExecutor
    private let eventLoop: any EventLoop
    private var spares: [ByteBuffer] = []
    private var senders: [LineHandler] = []
    private var previousSenders: [LineHandler] = []

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        executor = EventLoopTaskExecutor(eventLoop)
    }

    // MARK: Buffers

    /// An empty buffer to write answers into.
    @inline(__always)
    func takeBuffer() -> ByteBuffer {
        guard var buffer = spares.popLast() else { return ByteBufferAllocator().buffer(capacity: 1024) }
        // In the memory that it has, if the channel is done with that.
        buffer.clear(minimumCapacity: 1024)
        return buffer
    }

    @inline(__always)
    func giveBack(_ buffer: consuming ByteBuffer) {
        if buffer.capacity <= Self.largestSpare, spares.count < Self.mostSpares { spares.append(buffer) }
    }

    // MARK: Sending

    /// Has a connection send its answers when everything that is ready now has been read.
    @inline(__always)
    func sendSoon(_ connection: LineHandler) {
        if senders.isEmpty { eventLoop.assumeIsolated().execute { self.sendAll() } }
        senders.append(connection)
    }

    private func sendAll() {
        // The two lists change places, so that neither loses its memory.
        swap(&senders, &previousSenders)
        for connection in previousSenders { connection.sendNow() }
        previousSenders.removeAll(keepingCapacity: true)
    }
}
