internal import JSONText
internal import NIOCore

/// Writes one request: `{"id":17,"op":"get","key":"product:42"}`.
struct RequestLine {
    private var buffer = ByteBuffer()

    /// - Parameter number: the `id`; none where nil.
    init(_ operation: String, number: UInt64?) {
        buffer.reserveCapacity(256)
        buffer.writeStaticString("{")
        if let number {
            buffer.writeStaticString("\"id\":")
            buffer.writeDecimal(Int64(truncatingIfNeeded: number))
            buffer.writeStaticString(",")
        }
        buffer.writeStaticString("\"op\":\"")
        buffer.writeString(operation)
        buffer.writeStaticString("\"")
    }

    /// An operation without fields.
    static func bare(_ operation: String, number: UInt64) -> ByteBuffer {
        var line = RequestLine(operation, number: number)
        return line.finished()
    }

    private mutating func name(_ name: String) {
        buffer.writeStaticString(",\"")
        buffer.writeString(name)
        buffer.writeStaticString("\":")
    }

    mutating func add(_ name: String, _ text: String?) {
        guard let text else { return }
        self.name(name)
        buffer.writeJSONString(text)
    }

    mutating func add(_ name: String, _ value: CisternValue?) {
        guard let value else { return }
        self.name(name)
        buffer.writeValue(value)
    }

    /// Nothing where there are none.
    mutating func add(_ name: String, _ texts: [String]) {
        if !texts.isEmpty { add(name, CisternValue.array(texts.map { .string($0) })) }
    }

    mutating func add(_ name: String, seconds: Duration?) {
        if let seconds { add(name, CisternValue.number(seconds.secondsText)) }
    }

    mutating func add(_ name: String, milliseconds: Duration?) {
        if let milliseconds { add(name, CisternValue.int(milliseconds.wholeMilliseconds)) }
    }

    /// The line with its end; nothing can be added after.
    mutating func finished() -> ByteBuffer {
        buffer.writeStaticString("}\n")
        return buffer
    }
}

extension Duration {
    /// Rounded up, so that what is short does not become nothing.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }

    /// Seconds with up to three decimals: `300`, `0.25`.
    fileprivate var secondsText: String {
        let milliseconds = wholeMilliseconds
        if milliseconds.isMultiple(of: 1000) { return String(milliseconds / 1000) }
        return "\(Double(milliseconds) / 1000)"
    }
}
