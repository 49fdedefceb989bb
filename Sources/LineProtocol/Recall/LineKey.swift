#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A line taken apart, without reading it, into its `id` and the rest, so that lines which differ in their `id` alone are
/// recognised as the same request.
///
/// The `id` is only seen where it stands first and is a plain whole number or a plain ASCII string, as clients write it. Where
/// it stands elsewhere, it is a part of the rest.
package struct LineKey {
    private static let idHead: StaticString = "{\"id\":"
    private static let longestID = 64

    /// As it was written; empty where none was seen.
    package let id: UnsafeRawBufferPointer
    /// What is behind the brace and the `id` of an object; all of another line.
    package let rest: UnsafeRawBufferPointer
    package let isObject: Bool

    @inline(__always)
    package init(_ line: UnsafeRawBufferPointer) {
        guard let first = line.first, first == UInt8(ascii: "{") else {
            id = UnsafeRawBufferPointer(rebasing: line[..<0])
            rest = line
            isObject = false
            return
        }
        isObject = true
        guard let end = Self.endOfID(line), line[end] == UInt8(ascii: ",") else {
            id = UnsafeRawBufferPointer(rebasing: line[..<0])
            rest = UnsafeRawBufferPointer(rebasing: line[1...])
            return
        }
        id = UnsafeRawBufferPointer(rebasing: line[Self.idHead.utf8CodeUnitCount..<end])
        rest = UnsafeRawBufferPointer(rebasing: line[(end + 1)...])
    }

    /// Where a plain `id` ends, with at least one byte behind it.
    @inline(__always)
    private static func endOfID(_ line: UnsafeRawBufferPointer) -> Int? {
        let start = idHead.utf8CodeUnitCount
        guard line.count > start + 2 else { return nil }
        for index in 0..<start where line[index] != idHead.utf8Start[index] { return nil }
        let limit = min(line.count - 1, start + longestID)
        var index = start
        if line[start] == UInt8(ascii: "\"") {
            index += 1
            while index < limit {
                switch line[index] {
                case UInt8(ascii: "\""): return index + 1 < line.count ? index + 1 : nil
                case UInt8(ascii: "\\"): return nil
                case 0x20..<0x7F: index += 1
                default: return nil
                }
            }
            return nil
        }
        while index < limit, line[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        // JSON has no numbers that begin with a zero.
        let isNumber = index > start && (line[start] != UInt8(ascii: "0") || index == start + 1)
        return isNumber ? index : nil
    }
}

extension UnsafeRawBufferPointer {
    /// Where the line ends that starts there: the place of its line feed; nil where that has not come.
    @inline(__always)
    func lineEnd(from start: Int) -> Int? {
        guard start < count, let base = baseAddress, let end = memchr(base + start, 0x0A, count - start) else {
            return nil
        }
        return UnsafeRawPointer(end) - base
    }
}
