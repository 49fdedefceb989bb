internal import NIOCore
internal import QueryProxy

/// What the connections of one event loop share, since only one of them runs at a time.
///
/// Among it the order of work: all sockets that are ready are read, then what was read is begun, then the answers are sent.
final class EventLoopShare {
    /// Bytes. A larger buffer is given back to the system.
    private static let largestSpare = 32 * 1024
    private static let mostSpares = 128
    /// Connections with lines at hand.
    private static let fewestToPrefetch = 4

    let lines = RecalledLines<ReadyLookup>()
    let executor: EventLoopTaskExecutor
    private let eventLoop: any EventLoop
    private var spares: [ByteBuffer] = []
    private var readers: [LineHandler] = []
    private var previousReaders: [LineHandler] = []
    private var senders: [LineHandler] = []
    private var previousSenders: [LineHandler] = []
    private var isTurnScheduled = false
    /// When the first of what waits to be begun was read: the time of all of it, so that the clock is read once for many.
    private(set) var turnBegan = NIODeadline.now()
    private var prefetcher = LinePrefetcher()

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

    // MARK: Reading and sending

    /// Has a connection begin what it has read when everything that is ready now has been read.
    @inline(__always)
    func beginSoon(_ connection: LineHandler) {
        if readers.isEmpty {
            turnBegan = .now()
            scheduleTurn()
        }
        readers.append(connection)
    }

    /// Has a connection send its answers when everything that was read has been begun.
    @inline(__always)
    func sendSoon(_ connection: LineHandler) {
        if senders.isEmpty { scheduleTurn() }
        senders.append(connection)
    }

    private func scheduleTurn() {
        if isTurnScheduled { return }
        isTurnScheduled = true
        eventLoop.assumeIsolated().execute { self.takeTurn() }
    }

    private func takeTurn() {
        isTurnScheduled = false
        beginAll()
        // The two lists change places, so that neither loses its memory.
        swap(&senders, &previousSenders)
        for connection in previousSenders { connection.sendNow() }
        previousSenders.removeAll(keepingCapacity: true)
    }

    private func beginAll() {
        swap(&readers, &previousReaders)
        if previousReaders.count >= Self.fewestToPrefetch, let handler = previousReaders.first?.handler {
            prefetcher.prefetch(for: previousReaders, in: lines, handler)
        }
        for connection in previousReaders { connection.beginNow() }
        previousReaders.removeAll(keepingCapacity: true)
    }
}
