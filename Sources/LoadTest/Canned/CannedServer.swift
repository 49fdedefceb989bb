internal import Foundation
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Answers every line with the same bytes and does nothing else: what it can take is what the generator can make.
final class CannedServer: Sendable {
    let address: HostAndPort
    private let isStopped = Atomic<Bool>(false)

    /// - Parameter answerBytes: the length of an answer, its line end included; at least 40.
    init(answerBytes: Int) throws(LoadTestError) {
        let (listener, port) = try loopbackListener()
        address = HostAndPort(host: "127.0.0.1", port: port)
        let head = "{\"ok\":true,\"cache\":\"memory\",\"x\":\""
        let filling = String(repeating: "x", count: max(0, answerBytes - head.utf8.count - 3))
        let loop = try CannedLoop(listener: listener, answer: head + filling + "\"}\n")
        Thread { [self] in loop.run { isStopped.load(ordering: .relaxed) } }.start()
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
    }
}

/// Unchecked, because it is made here and then handed to the one thread that runs it: nobody else holds it, and the thread
/// starts after the last write of whoever made it.
private final class CannedLoop: @unchecked Sendable {
    private static let mostAnswers = 256

    private let listener: Int32
    private let poller: Poller
    private let answerLength: Int
    /// Many answers, one behind the other.
    private let answers: UnsafeMutablePointer<UInt8>
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    private let tokens = UnsafeMutablePointer<UInt64>.allocate(capacity: Poller.capacity)

    init(listener: Int32, answer: String) throws(LoadTestError) {
        self.listener = listener
        poller = try Poller()
        let bytes = Array(answer.utf8)
        answerLength = bytes.count
        answers = .allocate(capacity: bytes.count * Self.mostAnswers)
        for index in 0..<Self.mostAnswers {
            (answers + index * bytes.count).initialize(from: bytes, count: bytes.count)
        }
        poller.add(listener, token: Int(listener))
    }

    deinit {
        poller.close()
        answers.deallocate()
        input.deallocate()
        tokens.deallocate()
    }

    func run(until isStopped: () -> Bool) {
        while !isStopped() {
            let ready = poller.wait(nanoseconds: 50_000_000, tokens)
            for index in 0..<ready {
                let descriptor = Int32(truncatingIfNeeded: tokens[index])
                if descriptor == listener { acceptAll() } else { answer(descriptor) }
            }
        }
        close(listener)
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 { return }
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
        var lines = 0
        var start = 0
        while let base = input.baseAddress, let end = memchr(base + start, 0x0A, received - start) {
            lines += 1
            start = UnsafeRawPointer(end) - UnsafeRawPointer(base) + 1
        }
        while lines > 0 {
            let count = min(lines, Self.mostAnswers)
            sendAll(answers, count: count * answerLength, to: descriptor)
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
