internal import Foundation
internal import Synchronization

/// Answers every line with the same bytes and does nothing else: what it can take is what the generator can make.
final class CannedServer: Sendable {
    let address: HostAndPort
    private let isStopped = Atomic<Bool>(false)

    /// - Parameters:
    ///   - answerBytes: the length of an answer, its line end included; at least 40.
    ///   - plan: says how sockets are read and written.
    init(answerBytes: Int, _ plan: LoadPlan) throws(LoadTestError) {
        let (listener, port) = try loopbackListener()
        address = HostAndPort(host: "127.0.0.1", port: port)
        let head = "{\"ok\":true,\"cache\":\"memory\",\"x\":\""
        let filling = String(repeating: "x", count: max(0, answerBytes - head.utf8.count - 3))
        let answer = head + filling + "\"}\n"
        Thread { [self] in
            defer { closeDescriptor(listener) }
            let answers = CannedAnswers(answer)
            defer { answers.deallocate() }
            // What cannot be made is what the generator cannot make either, and says.
            if let ring = try? plan.ring() {
                CannedRing(listener, ring, answers).run { isStopped.load(ordering: .relaxed) }
            } else if let poller = try? Poller() {
                CannedPoll(listener, poller, answers).run { isStopped.load(ordering: .relaxed) }
            }
        }.start()
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
    }
}

/// Many answers, one behind the other.
struct CannedAnswers {
    /// How many there are.
    static let count = 256

    let length: Int
    let bytes: UnsafeMutablePointer<UInt8>

    init(_ answer: String) {
        let one = Array(answer.utf8)
        length = one.count
        bytes = .allocate(capacity: length * Self.count)
        for index in 0..<Self.count { (bytes + index * length).initialize(from: one, count: length) }
    }

    func deallocate() {
        bytes.deallocate()
    }
}
