internal import CSocketEvents

/// Answers every line, and leaves receiving and sending to a ``SocketRing``. Used by the thread that has made the ring.
final class CannedRing {
    /// A connection sends one thing at a time, or the second could overtake the first where there is no room.
    private struct Connection {
        var owed = 0
        var isSending = false
        var isClosing = false
    }

    private let listener: Int32
    private let ring: SocketRing
    private let answers: CannedAnswers
    private let events = UnsafeMutablePointer<SocketEvent>.allocate(capacity: Poller.capacity)
    /// By their descriptors, which the system numbers from the lowest that is free.
    private var connections: [Connection] = []

    init(_ listener: Int32, _ ring: SocketRing, _ answers: CannedAnswers) {
        self.listener = listener
        self.ring = ring
        self.answers = answers
        ring.accept(listener, token: Int(listener))
    }

    deinit {
        ring.close()
        events.deallocate()
    }

    func run(until isStopped: () -> Bool) {
        while !isStopped(), let count = try? ring.wait(nanoseconds: 50_000_000, events) {
            for index in 0..<count { take(events[index]) }
        }
    }

    @inline(__always)
    private func take(_ event: SocketEvent) {
        let descriptor = Int(event.token)
        if event.isAccepted {
            if event.count >= 0 { add(event.count) }
        } else if event.isSent {
            connections[descriptor].isSending = false
            sendOwed(descriptor)
        } else if event.count > 0 {
            connections[descriptor].owed += lineCount(
                UnsafeRawBufferPointer(start: event.bytes, count: Int(event.count))
            )
            sendOwed(descriptor)
        } else {
            connections[descriptor].isClosing = true
            sendOwed(descriptor)
        }
    }

    private func add(_ descriptor: Int32) {
        while connections.count <= Int(descriptor) { connections.append(Connection()) }
        connections[Int(descriptor)] = Connection()
        stopDelaying(descriptor)
        ring.receive(descriptor, token: Int(descriptor))
    }

    @inline(__always)
    private func sendOwed(_ descriptor: Int) {
        if connections[descriptor].isSending { return }
        if connections[descriptor].isClosing { return closeDescriptor(Int32(descriptor)) }
        let count = min(connections[descriptor].owed, CannedAnswers.count)
        if count == 0 { return }
        connections[descriptor].owed -= count
        connections[descriptor].isSending = true
        ring.send(
            answers.bytes,
            count: count * answers.length,
            to: Int32(descriptor),
            token: descriptor,
            tells: true
        )
    }
}
