internal import CSocketEvents

#if os(Linux)
/// Waits for many sockets. With `epoll`, whose cost does not grow with the connections that are silent.
///
/// Used by one thread; what it holds is given back by ``close()``.
struct Poller {
    static let capacity = 512

    private let descriptor: Int32

    init() throws(LoadTestError) {
        descriptor = cistern_epoll_create()
        if descriptor < 0 { throw systemError("epoll") }
    }

    func close() {
        closeDescriptor(descriptor)
    }

    /// - Parameter token: what ``wait(nanoseconds:_:)`` tells of this socket.
    func add(_ socket: Int32, token: Int) {
        cistern_epoll_add(descriptor, socket, UInt64(token))
    }

    func expectRoom(_ isExpected: Bool, _ socket: Int32, token: Int) {
        cistern_epoll_expect_room(descriptor, socket, UInt64(token), isExpected ? 1 : 0)
    }

    func remove(_ socket: Int32) {
        cistern_epoll_remove(descriptor, socket)
    }

    /// Waits so long at most, and puts the sockets with something to read or room to write into `events`, which has
    /// room for ``capacity``. Returns how many there are.
    @inline(__always)
    func wait(nanoseconds: Int64, _ events: UnsafeMutablePointer<SocketEvent>) -> Int {
        Int(cistern_epoll_wait(descriptor, nanoseconds, events, Int32(Self.capacity)))
    }
}
#else
internal import Darwin

/// Waits for many sockets, with `poll`. Used by one thread; what it holds is given back by ``close()``.
final class Poller {
    static let capacity = 512

    private var waiting: [pollfd] = []
    private var tokens: [UInt64] = []

    init() throws(LoadTestError) {}

    func close() {}

    /// - Parameter token: what ``wait(nanoseconds:_:)`` tells of this socket.
    func add(_ socket: Int32, token: Int) {
        waiting.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0))
        tokens.append(UInt64(token))
    }

    func expectRoom(_ isExpected: Bool, _ socket: Int32, token: Int) {
        for index in waiting.indices where waiting[index].fd == socket {
            waiting[index].events = Int16(isExpected ? POLLIN | POLLOUT : POLLIN)
        }
    }

    func remove(_ socket: Int32) {
        guard let index = waiting.firstIndex(where: { $0.fd == socket }) else { return }
        waiting.remove(at: index)
        tokens.remove(at: index)
    }

    /// Waits so long at most, and puts the sockets with something to read or room to write into `events`, which has
    /// room for ``capacity``. Returns how many there are.
    func wait(nanoseconds: Int64, _ events: UnsafeMutablePointer<SocketEvent>) -> Int {
        guard poll(&waiting, nfds_t(waiting.count), Int32(min(nanoseconds / 1_000_000, 1000))) > 0 else { return 0 }
        var count = 0
        for index in waiting.indices where waiting[index].revents != 0 && count < Self.capacity {
            events[count] = SocketEvent(token: tokens[index], bytes: nil, count: 0, kind: Int32(CISTERN_SOCKET_READY))
            count += 1
        }
        return count
    }
}
#endif
