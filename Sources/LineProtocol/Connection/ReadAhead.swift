/// Reads from connections past SwiftNIO, while hits come thick.
///
/// The way of a few bytes through the channel is more than a third of what the program does for a hit. So after a turn in
/// which all that was asked was answered at once, the connections that were answered are tried in their order, and the next
/// turn begins with what they have sent meanwhile. Those that were answered first have had the longest to ask again:
/// where some have not, the others are left to the event loop.
///
/// The channels go on watching their sockets: what is not read here they read, and only they learn of ends and errors.
///
/// Invariant: what was read has been begun before anything is read again, since the places are used anew.
final class ReadAhead {
    /// Bytes of one connection at once; more waits in its socket.
    private static let placeSize = 4096
    private static let mostConnections = 64
    /// Connections that had nothing to say, after which no more are tried.
    private static let mostFailures = 3

    private let places = UnsafeMutableRawBufferPointer.allocate(byteCount: mostConnections * placeSize, alignment: 64)

    deinit {
        places.deallocate()
    }

    /// Reads what has come, and hands it to its connections.
    func read(from connections: [LineHandler]) {
        var place = 0
        var failures = 0
        for connection in connections {
            let start = place * Self.placeSize
            if connection.receive(into: UnsafeMutableRawBufferPointer(rebasing: places[start..<start + Self.placeSize]))
            {
                place += 1
            } else {
                failures += 1
            }
            if place == Self.mostConnections || failures == Self.mostFailures { return }
        }
    }
}
