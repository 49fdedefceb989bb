internal import CLibPQ

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Owns a `PGconn`.
///
/// Unchecked, because libpq's connection is a C structure behind a pointer, which may be used by one thread at a time. Sound,
/// since one is made on a thread that may wait for the resolver and then handed to the actor that owns it for the rest of
/// its life: only that actor calls anything here, and so does the last release.
final class ConnectionHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// - Returns: nil where libpq has no memory left.
    init?(connectingTo url: String) {
        let keywords = ["dbname", "client_encoding", "fallback_application_name"]
        let values = [url, "UTF8", "cistern"]
        let pointer = withCStrings(keywords) { keywords in
            withCStrings(values) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let pointer else { return nil }
        self.pointer = pointer
        // Notices are meant for whoever sits at a session; here nobody does.
        PQsetNoticeProcessor(pointer, { _, _ in }, nil)
    }

    deinit {
        PQfinish(pointer)
    }

    var socket: Int32 { PQsocket(pointer) }

    /// Whether the server has said something without being asked: its farewell, of which the end of the connection may
    /// follow a moment later, or a changed setting, after which a new connection is as well.
    var hasUnexpectedInput: Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }

    /// libpq's message for what just failed, without the line ends.
    var errorMessage: String {
        guard let text = PQerrorMessage(pointer) else { return "" }
        return String(cString: text).split(separator: "\n").map(String.init).joined(separator: "; ")
    }
}

/// A cancel request for one connection; PQcancel waits for the server, so it is sent from a thread that may wait.
///
/// Unchecked, because it is a pointer to a C structure. Sound, since that is a copy of what PQcancel needs, is never written
/// after it was made, so that several threads may send it, and is freed when nobody holds it; libpq says that PQcancel may run
/// beside the connection's own thread.
final class CancelHandle: @unchecked Sendable {
    private let pointer: OpaquePointer

    init?(_ connection: ConnectionHandle) {
        guard let pointer = PQgetCancel(connection.pointer) else { return nil }
        self.pointer = pointer
    }

    deinit {
        PQfreeCancel(pointer)
    }

    func send() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            _ = PQcancel(pointer, message.baseAddress, Int32(message.count))
        }
    }
}

/// Calls a C function with a null-terminated array of C strings; nil elements stay null.
func withCStrings<Result>(
    _ strings: [String?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    // One buffer for all texts, so that no string is copied twice.
    var bytes: [CChar] = []
    var offsets: [Int?] = []
    for string in strings {
        guard let string else {
            offsets.append(nil)
            continue
        }
        offsets.append(bytes.count)
        for byte in string.utf8 { bytes.append(CChar(bitPattern: byte)) }
        bytes.append(0)
    }
    return bytes.withUnsafeBufferPointer { buffer in
        let pointers: [UnsafePointer<CChar>?] = offsets.map { offset in
            offset.flatMap { buffer.baseAddress?.advanced(by: $0) }
        }
        return (pointers + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
