internal import NIOCore

// What a channel has read, or the event loop has read ahead of it, is begun in the turn that comes next.
extension LineHandler {
    /// Reads what the socket has, ahead of the channel. Called between the turns of the event loop's connections.
    ///
    /// - Parameter room: left alone until the next turn, which begins what was read.
    /// - Returns: whether there is anything to begin.
    func receive(into room: UnsafeMutableRawBufferPointer) -> Bool {
        guard let socket, let context, context.channel.isActive, unread == nil, unreadAhead == nil, canRead, !isReadHeld
        else { return false }
        let count = socket.receive(into: room)
        guard count > 0 else { return false }
        unreadAhead = UnsafeRawBufferPointer(rebasing: room[..<count])
        loop.beginSoon(self)
        lastActivity = loop.turnBegan
        return true
    }

    /// What was read and not looked at.
    func withUnread<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        unreadAhead.map(body) ?? unread?.withUnsafeReadableBytes(body)
    }

    /// Begins the lines that were read last.
    func beginNow() {
        guard let context, unreadAhead != nil || unread != nil else { return }
        isReading = true
        if let bytes = unreadAhead.take() {
            let begun = beginWhereTheyLie(bytes, context)
            if begun < bytes.count {
                var rest = ByteBuffer(bytes: bytes[begun...])
                takeLines(from: &rest)
            }
        }
        if var buffer = unread.take() {
            let begun = buffer.withUnsafeReadableBytes { beginWhereTheyLie($0, context) }
            buffer.moveReaderIndex(forwardBy: begun)
            if buffer.readableBytes > 0 { takeLines(from: &buffer) }
        }
        if !waiting.isEmpty || isReadHeld || input == .closing { process(context) }
        isReading = false
        sendSoon()
    }
}
