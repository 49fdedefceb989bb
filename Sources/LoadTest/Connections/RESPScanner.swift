/// Cuts Redis's replies to GET and SET: `$5\r\nvalue\r\n`, `+OK\r\n`, `$-1\r\n`, `-ERR …\r\n`.
struct RESPScanner: AnswerScanner {
    private static let longestError = 300

    /// Bytes of a bulk string, its line end included, that are still to come.
    private var remaining = 0
    /// A header line that came in pieces.
    private var header: [UInt8] = []
    private(set) var firstError: String?

    init() {}

    @inline(__always)
    mutating func scan(
        _ bytes: UnsafeRawBufferPointer,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int {
        var count = 0
        var index = 0
        while index < bytes.count {
            if remaining > 0 {
                let step = min(remaining, bytes.count - index)
                remaining -= step
                index += step
                guard remaining == 0 else { break }
                try append(.plain, answers, &count, limit)
                continue
            }
            guard let end = lineEnd(in: bytes, from: index) else {
                header.append(contentsOf: bytes[index...].prefix(Self.longestError))
                break
            }
            let line = UnsafeRawBufferPointer(rebasing: bytes[index..<end])
            index = end + 1
            let kind: AnswerKind?
            if header.isEmpty {
                kind = judged(line)
            } else {
                header.append(contentsOf: line)
                let whole = header
                header.removeAll(keepingCapacity: true)
                kind = whole.withUnsafeBytes { judged($0) }
            }
            if let kind { try append(kind, answers, &count, limit) }
        }
        return count
    }

    @inline(__always)
    private func append(
        _ kind: AnswerKind,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        _ count: inout Int,
        _ limit: Int
    ) throws(LoadTestError) {
        guard count < limit else { throw LoadTestError("the server sent more answers than there were requests") }
        answers[count] = kind
        count += 1
    }

    /// Headers are short: a loop is as fast as a library's search.
    @inline(__always)
    private func lineEnd(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes[index] == 0x0A { return index }
            index += 1
        }
        return nil
    }

    /// The reply that the line is, or nil where it is the head of a bulk string.
    @inline(__always)
    private mutating func judged(_ line: UnsafeRawBufferPointer) -> AnswerKind? {
        switch line.first {
        case UInt8(ascii: "$"):
            var length = 0
            for byte in line.dropFirst() where byte != 0x0D {
                if byte == UInt8(ascii: "-") { return .miss }
                length = length * 10 + Int(byte &- UInt8(ascii: "0"))
            }
            remaining = length + 2
            return nil
        case UInt8(ascii: "+"), UInt8(ascii: ":"): return .plain
        default:
            if firstError == nil { firstError = String(decoding: line.prefix(Self.longestError), as: UTF8.self) }
            return .error
        }
    }
}
