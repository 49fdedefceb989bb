import NIOCore

/// What the oracle wants to know of an answer, found without taking the JSON apart: there are many.
struct Reply {
    enum Source: String, CaseIterable {
        case memory, redis, miss, shared, stale, bypass
    }

    var isOK: Bool
    var source: Source?
    /// The first value of the first row.
    var version: Int?
    var rowCount: Int?
    var isComplete: Bool
    /// The error's code.
    var code: String?

    init(_ line: ByteBuffer) {
        self = line.withUnsafeReadableBytes { bytes in Reply(bytes) }
    }

    private init(_ bytes: UnsafeRawBufferPointer) {
        isOK = bytes.starts(with: "{\"ok\":true".utf8)
        source = bytes.text(after: "\"cache\":\"").flatMap { Source(rawValue: $0) }
        version = bytes.number(after: "\"rows\":[[")
        rowCount = bytes.number(after: "\"row_count\":")
        isComplete = bytes.end(of: "\"complete\":true") != nil
        code = isOK ? nil : bytes.text(after: "\"code\":\"")
    }
}

extension UnsafeRawBufferPointer {
    /// Where the first occurrence of a text ends.
    fileprivate func end(of text: StaticString) -> Int? {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return nil }
        return text.withUTF8Buffer { wanted in
            for start in 0...(count - length) where self[start] == wanted[0] {
                if self[start..<start + length].elementsEqual(wanted) { return start + length }
            }
            return nil
        }
    }

    fileprivate func text(after mark: StaticString) -> String? {
        guard let start = end(of: mark), let end = self[start...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        return String(decoding: self[start..<end], as: UTF8.self)
    }

    fileprivate func number(after mark: StaticString) -> Int? {
        guard let start = end(of: mark) else { return nil }
        var value: Int?
        for byte in self[start...] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { break }
            value = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
