internal import NIOCore

extension RESPDecoder {
    /// Where a line's content stands in the buffer: from `start` up to, not including, the CR at `end`.
    struct Line {
        var start: Int
        var end: Int

        var count: Int { end - start }

        func slice(of buffer: ByteBuffer) -> ByteBuffer? {
            buffer.getSlice(at: start, length: count)
        }

        func text(of buffer: ByteBuffer) -> String {
            withBytes(of: buffer) { String(decoding: $0, as: UTF8.self) }
        }

        /// A signed 64-bit decimal; nil if it is none or does not fit.
        func integer(of buffer: ByteBuffer) -> Int64? {
            withBytes(of: buffer) { bytes in
                var digits = bytes[...]
                let isNegative = digits.first == UInt8(ascii: "-")
                if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
                guard !digits.isEmpty else { return nil }
                var value: Int64 = 0
                for byte in digits {
                    guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                    // Built up below zero, where there is room for the least number.
                    let (sum, underflow) = product.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
                    guard !overflow, !underflow else { return nil }
                    value = sum
                }
                if isNegative { return value }
                return value == .min ? nil : -value
            }
        }

        func double(of buffer: ByteBuffer) -> Double? {
            let text = text(of: buffer)
            switch text {
            case "inf", "+inf": return .infinity
            case "-inf": return -.infinity
            case "nan", "-nan", "+nan": return .nan
            default:
                // Swift reads hexadecimal and named forms too, which the protocol does not have.
                let allowed = text.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                        UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                        true
                    default: false
                    }
                }
                return allowed ? Double(text) : nil
            }
        }

        /// Whether the line is digits with an optional sign before them.
        func isDecimal(of buffer: ByteBuffer) -> Bool {
            withBytes(of: buffer) { bytes in
                var digits = bytes[...]
                if digits.first == UInt8(ascii: "-") || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
                return !digits.isEmpty
                    && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            }
        }

        private func withBytes<Result>(of buffer: ByteBuffer, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            buffer.withUnsafeReadableBytes { readable in
                let offset = start - buffer.readerIndex
                return body(UnsafeRawBufferPointer(rebasing: readable[offset..<(offset + count)]))
            }
        }
    }
}
