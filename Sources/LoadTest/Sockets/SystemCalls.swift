#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What the last system call that failed said.
func systemError(_ what: String) -> LoadTestError { systemError(what, errno) }

func systemError(_ what: String, _ number: Int32) -> LoadTestError {
    LoadTestError("\(what): \(String(cString: strerror(number)))")
}

/// Nanoseconds of the monotonic clock.
@inline(__always)
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Seconds of processor time that this process has used so far.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Raises the limit on open files as far as it goes, since thousands of connections may be asked for.
func raiseDescriptorLimit() {
    var limit = rlimit()
    #if canImport(Darwin)
    let resource = RLIMIT_NOFILE
    #else
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(resource, &limit)
}

/// Opens a TCP connection. It does not block afterwards.
///
/// - Throws: where nobody listens, or the name is not known.
func connectedSocket(to address: HostAndPort) throws(LoadTestError) -> Int32 {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = streamSocket
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address.host, String(address.port), &hints, &list) == 0 else {
        throw LoadTestError("\(address.host) is not known")
    }
    defer { freeaddrinfo(list) }
    var next = list
    while let candidate = next {
        let descriptor = socket(candidate.pointee.ai_family, streamSocket, 0)
        if descriptor >= 0 {
            if connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 {
                stopDelaying(descriptor)
                stopBlocking(descriptor)
                return descriptor
            }
            let failure = systemError("\(address) cannot be reached")
            close(descriptor)
            if candidate.pointee.ai_next == nil { throw failure }
        }
        next = candidate.pointee.ai_next
    }
    throw systemError("\(address) cannot be reached")
}

/// Sends what there is at once.
func stopDelaying(_ descriptor: Int32) {
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
}

func stopBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}

/// A socket that listens on a port of the system's choice on the loopback address.
func loopbackListener() throws(LoadTestError) -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, streamSocket, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) == 0 && listen(descriptor, 1024) == 0
                && getsockname(descriptor, address, &length) == 0
        }
    }
    guard isListening else { throw systemError("no port can be listened on") }
    stopBlocking(descriptor)
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}

#if canImport(Glibc)
let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
let streamSocket = SOCK_STREAM
#endif

/// A peer that has gone is an error, not a signal.
#if canImport(Darwin)
let sendFlags: Int32 = 0
#else
let sendFlags = Int32(truncatingIfNeeded: MSG_NOSIGNAL)
#endif

/// Where a server is.
package struct HostAndPort: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`; an IPv6 address stands in brackets. Nil where the text is something else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        let host = text[..<colon].drop { $0 == "[" }
        self.init(host: host.isEmpty ? "127.0.0.1" : String(host.last == "]" ? host.dropLast() : host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// For types whose own `close` hides the system's.
func closeDescriptor(_ descriptor: Int32) {
    _ = close(descriptor)
}
