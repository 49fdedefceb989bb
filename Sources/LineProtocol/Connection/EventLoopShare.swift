internal import NIOCore
internal import QueryProxy

/// What the connections of one event loop share, since only one of them runs at a time.
///
/// Among it the order of work: all sockets that are ready are read, then what was read is begun, then the answers are sent.
/// As long as all is answered at once, they are asked for more (``ReadAhead``), for a while.
final class EventLoopShare {
    /// Bytes. A larger buffer is given back to the system.
    private static let largestSpare = 32 * 1024
    private static let mostSpares = 128
    /// Connections with lines at hand.
    private static let fewestToPrefetch = 4

    let lines = RecalledLines<ReadyLookup>()
    let executor: EventLoopTaskExecutor
    private let eventLoop: any EventLoop
    private let longestTurns: TimeAmount
    private var spares: [ByteBuffer] = []
    private var readers: [LineHandler] = []
    private var previousReaders: [LineHandler] = []
    private var senders: [LineHandler] = []
    private var previousSenders: [LineHandler] = []
    private var isTurnScheduled = false
    private lazy var readAhead = ReadAhead()
    /// When the first of what waits to be begun was read: the time of all of it, so that the clock is read once for many.
    private(set) var turnBegan = NIODeadline.now()
    private var prefetcher = LinePrefetcher()

    /// - Parameter longestTurns: how long the event loop's other work may have to wait for turns that follow each other.
    init(_ eventLoop: any EventLoop, longestTurns: TimeAmount = .milliseconds(2)) {
        self.eventLoop = eventLoop
        self.longestTurns = longestTurns
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
        let end = turnBegan + longestTurns
        while serveAll(), turnBegan < end {
            readAhead.read(from: previousReaders)
            if readers.isEmpty { break }
        }
        previousReaders.removeAll(keepingCapacity: true)
        isTurnScheduled = false
        if !readers.isEmpty || !senders.isEmpty { scheduleTurn() }
    }

    /// - Returns: whether those that were served are many, and nothing of what they asked for has to be waited for.
    private func serveAll() -> Bool {
        // Each two lists change places, so that none loses its memory.
        swap(&readers, &previousReaders)
        readers.removeAll(keepingCapacity: true)
        let isAllAnswered = beginAll()
        swap(&senders, &previousSenders)
        for connection in previousSenders { connection.sendNow() }
        previousSenders.removeAll(keepingCapacity: true)
        return isAllAnswered && previousReaders.count >= Self.fewestToPrefetch
    }

    private func beginAll() -> Bool {
        var isAllAnswered = true
        if previousReaders.count >= Self.fewestToPrefetch, let handler = previousReaders.first?.handler {
            prefetcher.prefetch(for: previousReaders, in: lines, handler)
        }
        for connection in previousReaders {
            connection.beginNow()
            if connection.hasWorkLeft { isAllAnswered = false }
        }
        return isAllAnswered
    }
}
