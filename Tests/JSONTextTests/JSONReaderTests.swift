import JSONText
import NIOCore
import Testing

@Suite struct JSONReaderTests {
    private func value(_ text: String) throws(JSONError) -> JSONValue { try JSONValue(parsing: text) }

    @Test func readsEveryKindOfValue() throws {
        #expect(
            try value(" {\"a\":[1,-2.50e+3,true,false,null,\"x\"]} ")
                == .object([
                    (
                        key: "a",
                        value: .array([
                            .number("1"), .number("-2.50e+3"), .bool(true), .bool(false), .null, .string("x"),
                        ])
                    )
                ])
        )
    }

    @Test func numbersKeepTheirDigits() throws {
        let digits = "123456789012345678901234567890.000000000000000000010"
        #expect(try value(digits) == .number(digits))
    }

    @Test(arguments: [
        ("\"\\u0041\\n\\t\\\\\\/\\\"\"", "A\n\t\\/\""),
        ("\"\\ud83d\\ude00\"", "😀"),
        ("\"ñandú\"", "ñandú"),
        ("\"\\u0000\"", "\0"),
    ])
    func unescapesStrings(text: String, expected: String) throws {
        #expect(try value(text) == .string(expected))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "tru",
        "nul",
        "01", "1.", ".5", "1e", "1e+", "-", "+1", "NaN", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "1 2", "[1 2]", "]", "[,1]", "{,}",
    ])
    func refusesWhatIsNotJSON(text: String) {
        #expect(throws: JSONError.self) { try value(text) }
    }

    /// Strings are looked through eight bytes at a time.
    @Test(arguments: 0...20) func everyPlaceOfAString(place: Int) throws {
        let (before, after) = (String(repeating: "a", count: place), String(repeating: "b", count: 20 - place))
        for (written, meant) in [("\\n", "\n"), ("\\\"", "\""), ("é", "é"), ("\u{7F}", "\u{7F}"), ("😀", "😀"), ("", "")]
        {
            #expect(try value("\"\(before)\(written)\(after)\"") == .string(before + meant + after))
            #expect(throws: JSONError.self) { try value("\"\(before)\(written)\(after)") }
        }
        for wrong: [UInt8] in [[0x1F], [0], [0x80], [0xC3], [0xED, 0xA0, 0x80]] {
            let text = Array("\"\(before)".utf8) + wrong + Array("\(after)\"".utf8)
            text.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                let error = #expect(throws: JSONError.self) { try reader.readString() }
                let isControl = wrong[0] < 0x20
                #expect(error?.reason == (isControl ? .controlCharacter : .invalidUTF8))
                #expect(error?.offset == (isControl ? place + 1 : 1))
            }
        }
    }

    @Test func stopsAtTheDepthLimit() throws {
        let deep = String(repeating: "[", count: 129) + String(repeating: "]", count: 129)
        #expect { try value(deep) } throws: { ($0 as? JSONError)?.reason == .tooDeep }
        let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(throws: Never.self) { try value(allowed) }
        let hostile = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try value(hostile) }
    }

    @Test func refusesInvalidUTF8() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: JSONError.self) {
                try bytes.withUnsafeBytes { bytes throws(JSONError) in try JSONValue(parsing: bytes) }
            }
        }
    }

    @Test func skippedValuesKeepTheirText() throws {
        let text = "{\"a\": {\"b\" : [1, 2]} , \"c\":3}"
        var copy = text
        let skipped = try copy.withUTF8 { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(bytes))
            try reader.beginObject()
            _ = try reader.nextKey()
            let range = try reader.skipValue()
            #expect(try reader.nextKey() == "c")
            return reader.text(in: range)
        }
        #expect(skipped == "{\"b\" : [1, 2]}")
    }

    /// Every prefix and every single-byte change of a valid text either parses or throws; none traps.
    @Test func survivesEveryDamage() {
        let text = Array("{\"a\":[1,-2.5e+3,\"\\u00e9\\ud83d\\ude00x\",{\"b\":null}],\"c\":true}".utf8)
        for end in 0...text.count {
            text[..<end].withUnsafeBytes { _ = try? JSONValue(parsing: $0) }
        }
        var damaged = text
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                damaged[index] = byte
                damaged.withUnsafeBytes { _ = try? JSONValue(parsing: $0) }
            }
            damaged[index] = text[index]
        }
    }
}

@Suite struct JSONWriterTests {
    @Test(arguments: [
        ("plain", "\"plain\""), ("", "\"\""), ("a\"b\\c", "\"a\\\"b\\\\c\""),
        ("\u{8}\u{c}\n\r\t", "\"\\b\\f\\n\\r\\t\""),
        ("\u{1}\u{1f}\u{7f}", "\"\\u0001\\u001f\u{7f}\""), ("é😀", "\"é😀\""),
    ])
    func escapesStrings(text: String, expected: String) {
        var buffer = ByteBuffer()
        buffer.writeJSONString(text)
        #expect(String(buffer: buffer) == expected)
    }

    @Test(arguments: [0, 7, -7, 1_234_567_890, Int64.max, Int64.min])
    func writesDecimals(value: Int64) {
        var buffer = ByteBuffer()
        buffer.writeDecimal(value)
        #expect(String(buffer: buffer) == String(value))
    }
}
