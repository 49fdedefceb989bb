internal import CSocketEvents

/// What has happened at a socket.
typealias SocketEvent = cistern_socket_event

extension SocketEvent {
    @inline(__always)
    var isReceived: Bool { kind == CISTERN_SOCKET_RECEIVED }
    @inline(__always)
    var isSent: Bool { kind == CISTERN_SOCKET_SENT }
    @inline(__always)
    var isAccepted: Bool { kind == CISTERN_SOCKET_ACCEPTED }
    /// What went wrong.
    var failure: LoadTestError {
        count < 0 ? systemError("the connection broke", -count) : LoadTestError("the connection broke")
    }
}

#if os(Linux)
/// Receives from and sends to many sockets with io_uring: one system call for all of them, where `epoll` leaves two for each.
///
/// Used by the thread that has made it; what it holds is given back by ``close()``.
struct SocketRing {
    /// More than there are connections in most runs. What is received lies in as many buffers as there are answers at a time.
    private static let bufferCount: Int32 = 256
    private static let bufferBytes: Int32 = 16 * 1024

    private let ring: OpaquePointer

    /// - Throws: where the kernel is older than 6.1 or does not allow io_uring, as in most containers.
    init() throws(LoadTestError) {
        guard let ring = cistern_ring_create(Self.bufferCount, Self.bufferBytes) else { throw systemError("io_uring") }
        self.ring = ring
    }

    func close() {
        cistern_ring_destroy(ring)
    }

    func accept(_ listener: Int32, token: Int) {
        cistern_ring_accept(ring, listener, UInt64(token))
    }

    /// Tells from now on what comes, until the peer closes or the socket fails.
    func receive(_ socket: Int32, token: Int) {
        cistern_ring_receive(ring, socket, UInt64(token))
    }

    /// Sends all the bytes with the next wait. They must stay until they are sent.
    ///
    /// - Parameter tells: an event says when they are; else there is one only where they could not be sent.
    @inline(__always)
    func send(_ bytes: UnsafePointer<UInt8>, count: Int, to socket: Int32, token: Int, tells: Bool) {
        cistern_ring_send(ring, socket, UInt64(token), bytes, Int32(count), tells ? 1 : 0)
    }

    /// Sends what is to be sent, waits so long at most, and puts what has happened into `events`, which has room for
    /// ``Poller/capacity``. Returns how many there are. Received bytes stay until the next wait.
    @inline(__always)
    func wait(nanoseconds: Int64, _ events: UnsafeMutablePointer<SocketEvent>) throws(LoadTestError) -> Int {
        let count = cistern_ring_wait(ring, nanoseconds, events, Int32(Poller.capacity))
        if count < 0 { throw systemError("io_uring", -count) }
        return Int(count)
    }
}
#else
/// There is none here: io_uring is Linux's.
enum SocketRing {
    init() throws(LoadTestError) { throw LoadTestError("io_uring is Linux's") }
    func close() {}
    func accept(_ listener: Int32, token: Int) {}
    func receive(_ socket: Int32, token: Int) {}
    func send(_ bytes: UnsafePointer<UInt8>, count: Int, to socket: Int32, token: Int, tells: Bool) {}
    func wait(nanoseconds: Int64, _ events: UnsafeMutablePointer<SocketEvent>) throws(LoadTestError) -> Int { 0 }
}
#endif
