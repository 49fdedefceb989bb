internal import CSocketEvents

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Answers every line, reading and writing each socket that is ready. Used by one thread.
final class CannedPoll {
    private let listener: Int32
    private let poller: Poller
    private let answers: CannedAnswers
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    private let events = UnsafeMutablePointer<SocketEvent>.allocate(capacity: Poller.capacity)

    init(_ listener: Int32, _ poller: Poller, _ answers: CannedAnswers) {
        self.listener = listener
        self.poller = poller
        self.answers = answers
        poller.add(listener, token: Int(listener))
    }

    deinit {
        poller.close()
        input.deallocate()
        events.deallocate()
    }

    func run(until isStopped: () -> Bool) {
        while !isStopped() {
            for index in 0..<poller.wait(nanoseconds: 50_000_000, events) {
                let descriptor = Int32(truncatingIfNeeded: events[index].token)
                if descriptor == listener { acceptAll() } else { answer(descriptor) }
            }
        }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 { return }
            stopDelaying(descriptor)
            stopBlocking(descriptor)
            poller.add(descriptor, token: Int(descriptor))
        }
    }

    private func answer(_ descriptor: Int32) {
        let received = recv(descriptor, input.baseAddress, input.count, 0)
        if received <= 0 {
            if received == 0 || errno != EAGAIN {
                poller.remove(descriptor)
                close(descriptor)
            }
            return
        }
        var lines = lineCount(UnsafeRawBufferPointer(rebasing: input[..<received]))
        while lines > 0 {
            let count = min(lines, CannedAnswers.count)
            sendAll(answers.bytes, count: count * answers.length, to: descriptor)
            lines -= count
        }
    }

    private func sendAll(_ bytes: UnsafeMutablePointer<UInt8>, count: Int, to descriptor: Int32) {
        var sent = 0
        while sent < count {
            let result = send(descriptor, bytes + sent, count - sent, sendFlags)
            if result > 0 {
                sent += result
            } else if errno == EAGAIN {
                // The generator reads what it asked for; it only has to get the processor.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, 10)
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// How many lines end in the bytes.
@inline(__always)
func lineCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    var lines = 0
    var start = 0
    while start < bytes.count, let end = memchr(base + start, 0x0A, bytes.count - start) {
        lines += 1
        start = UnsafeRawPointer(end) - base + 1
    }
    return lines
}
