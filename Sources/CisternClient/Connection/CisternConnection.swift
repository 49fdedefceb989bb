public import NIOCore
public import NIOPosix
internal import Synchronization

/// One connection to a Cistern server: a line out, a line back.
///
/// This is the layer below ``CisternClient``, for programs that make and read the lines themselves (a load generator, the
/// command line). Requests may be sent without waiting for the answers of earlier ones. Lines sent here have no `id`; they
/// are answered in order, which is how their answers are told apart.
public final class CisternConnection: Sendable {
    private struct Outbox {
        var exchanges: [Exchange] = []
        var isScheduled = false
    }

    private let channel: any Channel
    private let handler: NIOLoopBound<ConnectionHandler>
    private let outbox = Mutex(Outbox())

    init(channel: any Channel, handler: ConnectionHandler) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Connects in plain text (not TLS).
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: where it listens.
    ///   - timeout: for the connection to be made.
    ///   - group: the event loops of which the connection lives on one.
    /// - Throws: ``CisternError`` with ``CisternError/Code/unreachable`` where nobody listens.
    public static func connect(
        host: String,
        port: Int,
        timeout: TimeAmount = .seconds(5),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(CisternError) -> CisternConnection {
        let connector = Connector(host: host, port: port, connectTimeout: timeout, group: group)
        do {
            return try await connector.connectRaw().get()
        } catch {
            throw CisternError(unreachable: error, host: host, port: port)
        }
    }

    /// Sends one line (without its end) and returns the line that answers it.
    ///
    /// - Throws: ``CisternError`` when the connection ends first, or when the task is cancelled; the answer is then dropped.
    public func send(_ line: ByteBuffer) async throws(CisternError) -> ByteBuffer {
        let exchange = Exchange(.ordered, deadline: .distantFuture) { _ in
            var line = line
            line.writeStaticString("\n")
            return line
        }
        return try await exchange.outcome { submit(exchange) }
    }

    public func send(_ line: String) async throws(CisternError) -> String {
        String(buffer: try await send(ByteBuffer(string: line)))
    }

    /// Ends the connection; answers that have not come fail.
    public func close() async {
        try? await channel.close().get()
    }

    // MARK: For the pool

    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }

    /// Sends an exchange. The event loop is woken once for all that come before it gets to them.
    func submit(_ exchange: Exchange) {
        let isFirst = outbox.withLock { outbox in
            outbox.exchanges.append(exchange)
            defer { outbox.isScheduled = true }
            return !outbox.isScheduled
        }
        guard isFirst else { return }
        channel.eventLoop.execute {
            let exchanges = self.outbox.withLock { outbox in
                outbox.isScheduled = false
                defer { outbox.exchanges = [] }
                return outbox.exchanges
            }
            self.handler.value.send(exchanges)
        }
    }

    func beginClose() {
        channel.close(promise: nil)
    }

    /// Called on the event loop.
    ///
    /// - Parameter events: what the owner wants to hear.
    /// - Returns: false where the connection has ended already; then nothing is told.
    func own(_ events: ConnectionHandler.Events, maximumRequestBytes: Int) -> Bool {
        handler.value.events = events
        handler.value.maximumRequestBytes = maximumRequestBytes
        return !handler.value.isEnded
    }

    var eventLoop: any EventLoop { channel.eventLoop }
}
