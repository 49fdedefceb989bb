internal import Foundation

/// Tells systemd how the service is doing: the protocol of `sd_notify(3)`, a datagram to the socket that `NOTIFY_SOCKET`
/// names.
///
/// Whoever does not listen is not waited for, and an error is no reason to stop: the service does its work all the same.
final class ServiceManager: Sendable {
    private let path: String

    /// - Parameter environment: of the process.
    /// - Returns: nil where nobody asked to be told.
    init?(environment: [String: String]) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count > 1
        else { return nil }
        self.path = path
    }

    func ready(status: String) {
        send(["READY=1", "STATUS=\(status)"])
    }

    /// To be followed by ``ready(status:)``.
    func reloading() {
        // systemd tells an old READY from a new one by the time.
        send(["RELOADING=1", "MONOTONIC_USEC=\(Self.monotonicMicroseconds)", "STATUS=reading the configuration"])
    }

    func stopping(status: String) {
        send(["STOPPING=1", "STATUS=\(status)"])
    }

    func alive() {
        send(["WATCHDOG=1"])
    }

    private static var monotonicMicroseconds: UInt64 {
        clock_gettime_nsec(CLOCK_MONOTONIC) / 1000
    }

    private func send(_ lines: [String]) {
        // A line end in a status would begin another assignment.
        let text = lines.map { $0.replacing("\n", with: " ") }.joined(separator: "\n")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // An abstract socket's name begins with a NUL, and ends where the address ends.
        if name.first == UInt8(ascii: "@") { name[0] = 0 } else { name.append(0) }
        guard name.count <= MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t((MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + name.count)
        let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let bytes = Array(text.utf8)
        _ = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}

private func clock_gettime_nsec(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
