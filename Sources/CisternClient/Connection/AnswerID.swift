internal import JSONText
internal import NIOCore

/// The `id` of an answer, read without reading the rest where the server puts it first.
enum AnswerID: Equatable {
    case number(UInt64)
    case none
    /// Not one of ours.
    case foreign
    /// The line is no JSON object.
    case malformed

    private static let start: StaticString = "{\"id\":"

    init(of line: ByteBuffer) {
        self = line.withUnsafeReadableBytes { Self.fast($0) ?? Self.slow($0) }
    }

    /// `{"id":17,…`
    private static func fast(_ bytes: UnsafeRawBufferPointer) -> AnswerID? {
        let start = UnsafeRawBufferPointer(start: Self.start.utf8Start, count: Self.start.utf8CodeUnitCount)
        guard bytes.starts(with: start) else { return nil }
        var number: UInt64 = 0
        // Nineteen digits always fit.
        for index in start.count..<min(bytes.count, start.count + 20) {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else {
                let isEnd = bytes[index] == UInt8(ascii: ",") || bytes[index] == UInt8(ascii: "}")
                return isEnd && index > start.count ? .number(number) : nil
            }
            if index == start.count + 19 { return nil }
            number = number * 10 + UInt64(digit)
        }
        return nil
    }

    private static func slow(_ bytes: UnsafeRawBufferPointer) -> AnswerID {
        do throws(JSONError) {
            var reader = JSONReader(bytes)
            var id = AnswerID.none
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key == "id" {
                    id = UInt64(reader.text(in: try reader.skipValue())).map { .number($0) } ?? .foreign
                } else {
                    _ = try reader.skipValue()
                }
            }
            return id
        } catch {
            return .malformed
        }
    }
}
