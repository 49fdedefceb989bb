internal import CSocketEvents

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Cuts a stream of bytes into answers.
protocol AnswerScanner {
    init()
    /// Goes over bytes as they came, and puts the kinds of the answers that end in them into `answers`, from `count` on.
    mutating func scan(
        _ bytes: UnsafeRawBufferPointer,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int
    var firstError: String? { get }
}

/// Memory that the connections of one thread share, since only one of them reads or writes at a time.
struct StreamMemory {
    static let capacity = 256 * 1024
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: StreamMemory.capacity, alignment: 64)

    func deallocate() {
        input.deallocate()
    }
}

/// A connection whose requests are bytes and whose answers follow in the order of the requests.
struct StreamConnection<Scanner: AnswerScanner>: LoadConnection {
    let descriptor: Int32
    private let templates: [RequestTemplate]
    private let memory: StreamMemory
    /// What `begin` has written and `flush` has not sent.
    private let output: UnsafeMutablePointer<UInt8>
    private let outputCapacity: Int
    private var outputStart = 0
    private var outputEnd = 0
    private var scanner = Scanner()

    /// - Parameter pipeline: requests that may be begun before one of them is answered.
    init(
        descriptor: Int32,
        templates: [RequestTemplate],
        pipeline: Int,
        memory: StreamMemory
    ) {
        self.descriptor = descriptor
        self.templates = templates
        self.memory = memory
        outputCapacity = (templates.map(\.capacity).max() ?? 0) * pipeline
        output = .allocate(capacity: outputCapacity)
    }

    func close() {
        closeDescriptor(descriptor)
        output.deallocate()
    }

    var isSending: Bool { outputStart < outputEnd }
    var firstError: String? { scanner.firstError }

    @inline(__always)
    mutating func begin(_ request: Int, key: Int, _ random: inout RandomNumbers) {
        if outputEnd > outputStart, outputCapacity - outputEnd < templates[request].capacity {
            // What waits for room moves to the front; the rest of the pipeline fits behind it.
            output.update(from: output + outputStart, count: outputEnd - outputStart)
            outputEnd -= outputStart
            outputStart = 0
        }
        outputEnd += templates[request].write(key: key, &random, into: output + outputEnd)
    }

    static var canUseRing: Bool { true }

    /// What is left to a ring stays where it is until the next request is begun, which is after the answers to it.
    @inline(__always)
    mutating func flush(_ ring: SocketRing?, token: Int) throws(LoadTestError) {
        if outputStart == outputEnd { return }
        if let ring {
            ring.send(output + outputStart, count: outputEnd - outputStart, to: descriptor, token: token, tells: false)
        } else {
            while outputStart < outputEnd {
                let sent = send(descriptor, output + outputStart, outputEnd - outputStart, sendFlags)
                if sent < 0 {
                    if errno == EAGAIN { return }
                    if errno == EINTR { continue }
                    throw systemError("the connection broke")
                }
                outputStart += sent
            }
        }
        outputStart = 0
        outputEnd = 0
    }

    @inline(__always)
    mutating func receive(
        _ event: SocketEvent,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int {
        if event.isReceived {
            if event.count < 0 { throw event.failure }
            if event.count == 0 { throw LoadTestError("the server closed a connection") }
            return try scanner.scan(
                UnsafeRawBufferPointer(start: event.bytes, count: Int(event.count)),
                answers,
                limit: limit
            )
        }
        let received = recv(descriptor, memory.input.baseAddress, StreamMemory.capacity, 0)
        if received == 0 { throw LoadTestError("the server closed a connection") }
        if received < 0 {
            if errno == EAGAIN || errno == EINTR { return 0 }
            throw systemError("the connection broke")
        }
        return try scanner.scan(UnsafeRawBufferPointer(rebasing: memory.input[..<received]), answers, limit: limit)
    }
}
