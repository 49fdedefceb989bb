import CSocketEvents
import Testing

@testable import LoadTest

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Some kernels have no io_uring, or do not allow it.
let hasRing: Bool = {
    guard let ring = try? SocketRing() else { return false }
    ring.close()
    return true
}()

@Suite("A ring of sockets", .enabled(if: hasRing))
struct SocketRingTests {
    private struct Event {
        var token: Int
        var count: Int32
        var isSent: Bool
        var bytes: [UInt8]
    }

    /// Waits until so many events have come, or a while has passed.
    private func events(_ ring: SocketRing, _ wanted: Int) throws -> [Event] {
        let room = UnsafeMutablePointer<SocketEvent>.allocate(capacity: Poller.capacity)
        defer { room.deallocate() }
        var events: [Event] = []
        let end = monotonicNow() + 10_000_000_000
        while events.count < wanted, monotonicNow() < end {
            for index in 0..<(try ring.wait(nanoseconds: 100_000_000, room)) {
                let event = room[index]
                let bytes = event.isReceived && event.count > 0
                events.append(
                    Event(
                        token: Int(event.token),
                        count: event.count,
                        isSent: event.isSent,
                        bytes: bytes ? Array(UnsafeRawBufferPointer(start: event.bytes, count: Int(event.count))) : []
                    )
                )
            }
        }
        return events
    }

    private func pair() -> (near: Int32, far: Int32) {
        var both: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, streamSocket, 0, &both) == 0)
        return (both[0], both[1])
    }

    @Test("what comes is received, however often, until the peer closes")
    func receives() throws {
        let ring = try SocketRing()
        defer { ring.close() }
        let (near, far) = pair()
        defer { close(near) }
        // As connections are made: that nothing is there yet is no error.
        stopBlocking(near)
        ring.receive(near, token: 7)
        for number in 0..<1000 {
            let text = Array("answer \(number)".utf8)
            #expect(write(far, text, text.count) == text.count)
            let events = try events(ring, 1)
            #expect(events.map(\.token) == [7] && events.map(\.bytes) == [text])
        }
        close(far)
        let last = try events(ring, 1)
        #expect(last.map(\.count) == [0] && last.map(\.token) == [7])
    }

    @Test("more sockets at once than there are buffers")
    func moreThanBuffers() throws {
        let ring = try SocketRing()
        defer { ring.close() }
        let pairs = (0..<400).map { _ in pair() }
        defer { for pair in pairs { close(pair.near) } }
        for (token, pair) in pairs.enumerated() { ring.receive(pair.near, token: token) }
        for round in 0..<3 {
            for (token, pair) in pairs.enumerated() {
                let text = Array("\(round) \(token)".utf8)
                #expect(write(pair.far, text, text.count) == text.count)
            }
            let came = try events(ring, pairs.count)
            #expect(came.allSatisfy { $0.bytes == Array("\(round) \($0.token)".utf8) })
            #expect(Set(came.map(\.token)).count == pairs.count && came.count == pairs.count)
        }
        for pair in pairs { close(pair.far) }
        #expect(try events(ring, pairs.count).allSatisfy { $0.count == 0 })
    }

    @Test("all is sent, though the socket has room for less, and then it is said")
    func sendsAll() throws {
        let ring = try SocketRing()
        defer { ring.close() }
        let (near, far) = pair()
        defer {
            close(near)
            close(far)
        }
        let length = 4_000_000
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: length)
        defer { bytes.deallocate() }
        for index in 0..<length { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        ring.receive(near, token: 1)
        ring.receive(far, token: 2)
        ring.send(bytes, count: length, to: near, token: 1, tells: true)
        var received: [UInt8] = []
        var sent: [Int32] = []
        while received.count < length || sent.isEmpty {
            let some = try events(ring, 1)
            try #require(!some.isEmpty)
            for event in some {
                if event.isSent { sent.append(event.count) } else { received += event.bytes }
            }
        }
        #expect(sent == [Int32(length)])
        #expect(received.elementsEqual(UnsafeBufferPointer(start: bytes, count: length)))
    }

    @Test("a send is told of where it fails, and only there")
    func tellsOfFailures() throws {
        let ring = try SocketRing()
        defer { ring.close() }
        let (near, far) = pair()
        defer { close(near) }
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
        bytes.initialize(to: 1)
        defer { bytes.deallocate() }
        ring.send(bytes, count: 1, to: near, token: 3, tells: false)
        ring.receive(far, token: 4)
        let came = try events(ring, 1)
        #expect(came.map(\.token) == [4] && came.map(\.isSent) == [false])
        let (other, gone) = pair()
        defer { close(other) }
        close(gone)
        ring.send(bytes, count: 1, to: other, token: 5, tells: false)
        let failed = try events(ring, 1)
        #expect(failed.map(\.token) == [5] && failed.map(\.isSent) == [true] && failed.map(\.count) == [-EPIPE])
        close(far)
    }
}
