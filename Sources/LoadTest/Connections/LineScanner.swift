#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Cuts the lines of the line protocol and looks at their first bytes: `{"ok":true,"cache":"memory",…`.
struct LineScanner: AnswerScanner {
    /// As many bytes of a line as tell its kind.
    private static let headLength = 22
    private static let longestError = 300

    /// The head of a line that came in pieces.
    private var head: [UInt8] = []
    private(set) var firstError: String?

    init() {}

    @inline(__always)
    mutating func scan(
        _ bytes: UnsafeRawBufferPointer,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var count = 0
        var start = 0
        while start < bytes.count, let end = memchr(base + start, 0x0A, bytes.count - start) {
            let length = UnsafeRawPointer(end) - (base + start)
            guard count < limit else { throw LoadTestError("the server sent more answers than there were requests") }
            answers[count] = kind(UnsafeRawBufferPointer(start: base + start, count: length))
            count += 1
            start += length + 1
        }
        if start < bytes.count, head.count < Self.longestError {
            head.append(contentsOf: bytes[start...].prefix(Self.longestError - head.count))
        }
        return count
    }

    @inline(__always)
    private mutating func kind(_ line: UnsafeRawBufferPointer) -> AnswerKind {
        if head.isEmpty { return judged(line) }
        head.append(contentsOf: line.prefix(Self.longestError))
        let whole = head
        head.removeAll(keepingCapacity: true)
        return whole.withUnsafeBytes { judged($0) }
    }

    @inline(__always)
    private mutating func judged(_ line: UnsafeRawBufferPointer) -> AnswerKind {
        if line.count >= Self.headLength, line[6] == UInt8(ascii: "t"), line[12] == UInt8(ascii: "c") {
            switch (line[20], line[21]) {
            case (UInt8(ascii: "m"), UInt8(ascii: "e")): return .memory
            case (UInt8(ascii: "m"), UInt8(ascii: "i")): return .miss
            case (UInt8(ascii: "r"), _): return .redis
            case (UInt8(ascii: "s"), UInt8(ascii: "h")): return .shared
            case (UInt8(ascii: "s"), UInt8(ascii: "t")): return .stale
            case (UInt8(ascii: "b"), _): return .bypass
            default: break
            }
        }
        if firstError == nil { firstError = String(decoding: line.prefix(Self.longestError), as: UTF8.self) }
        return .error
    }
}
