import JSONText
import NIOCore
import Testing

@Suite("Writing JSON strings")
struct JSONStringTests {
    /// Byte by byte, as PostgreSQL's `escape_json` does it.
    private func expected(_ bytes: [UInt8]) -> [UInt8] {
        let short: [UInt8: String] = [
            0x22: "\\\"", 0x5C: "\\\\", 0x08: "\\b", 0x0C: "\\f", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t",
        ]
        var output: [UInt8] = [0x22]
        for byte in bytes {
            if let escape = short[byte] {
                output += Array(escape.utf8)
            } else if byte < 0x20 {
                let digits = String(byte, radix: 16)
                output += Array(("\\u00" + (digits.count == 1 ? "0" : "") + digits).utf8)
            } else {
                output.append(byte)
            }
        }
        return output + [0x22]
    }

    private func written(_ bytes: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        bytes.withUnsafeBytes { buffer.writeJSONString($0) }
        return Array(buffer.readableBytesView)
    }

    @Test("every byte at every place of a word, beside every kind of neighbour")
    func escapesEveryByte() {
        for filling in [0x00, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0xFF] as [UInt8] {
            for byte in UInt8.min ... .max {
                for place in 0..<10 {
                    var bytes = [UInt8](repeating: filling, count: 19)
                    bytes[place] = byte
                    #expect(written(bytes) == expected(bytes), "\(filling) \(byte) \(place)")
                }
            }
        }
    }

    @Test("every length", arguments: 0...40)
    func everyLength(length: Int) {
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: length)
        #expect(written(bytes) == expected(bytes))
        #expect(written(bytes + [0x22]) == expected(bytes + [0x22]))
    }
}

@Suite("NUL characters")
struct NULTests {
    @Test("are found at every place, and only where they are")
    func finds() {
        for filling in ["a", "\u{1}", "\u{7F}", "\u{80}", "é", "字"] {
            for count in 0..<20 {
                let text = String(repeating: filling, count: count)
                #expect(!text.holdsNUL, "\(count) of \(filling)")
                for place in 0...count {
                    let index = text.unicodeScalars.index(text.unicodeScalars.startIndex, offsetBy: place)
                    let holding = String(text[..<index]) + "\0" + text[index...]
                    #expect(holding.holdsNUL, "\(place) of \(count) of \(filling)")
                }
            }
        }
    }
}
