import NIOCore
import Testing

@testable import LineProtocol

@Suite struct LineKeyTests {
    private func parts(_ line: String) -> [String] {
        Array(line.utf8).withUnsafeBytes { bytes in
            let key = LineKey(bytes)
            return [
                String(decoding: key.id, as: UTF8.self), String(decoding: key.rest, as: UTF8.self),
                key.isObject ? "object" : "text",
            ]
        }
    }

    @Test(arguments: [
        ("{\"id\":7,\"sql\":\"S\"}", "7"), ("{\"id\":0,\"sql\":\"S\"}", "0"),
        ("{\"id\":\"a-b\",\"sql\":\"S\"}", "\"a-b\""),
        ("{\"id\":\"\",\"sql\":\"S\"}", "\"\""), ("{\"sql\":\"S\"}", ""),
    ])
    func seesPlainIDs(line: String, id: String) {
        #expect(parts(line) == [id, "\"sql\":\"S\"}", "object"])
    }

    /// Each is either no JSON, or no `id` in its usual form: it stays in the rest, where a line without `id` has none.
    @Test(arguments: [
        "{\"id\":07,\"sql\":\"S\"}", "{\"id\":-7,\"sql\":\"S\"}", "{\"id\":1.5,\"sql\":\"S\"}",
        "{\"id\":1e3,\"sql\":\"S\"}",
        "{\"id\":,\"sql\":\"S\"}", "{\"id\":\"a\\\"b\",\"sql\":\"S\"}", "{\"id\":\"é\",\"sql\":\"S\"}",
        "{\"id\":\"a\u{1}\",\"sql\":\"S\"}", "{\"id\": 7,\"sql\":\"S\"}", "{ \"id\":7,\"sql\":\"S\"}",
        "{\"id\":null,\"sql\":\"S\"}", "{\"id\":7}", "{\"id\":7", "{\"id\":\"abc", "{\"id\":", "{",
        "{\"id\":\"\(String(repeating: "x", count: 100))\",\"sql\":\"S\"}",
    ])
    func leavesOtherIDsInTheRest(line: String) {
        #expect(parts(line) == ["", String(line.dropFirst()), "object"])
    }

    @Test func otherLinesAreWhole() {
        #expect(parts("SELECT 1") == ["", "SELECT 1", "text"])
        #expect(parts(" {\"id\":7,\"sql\":\"S\"}") == ["", " {\"id\":7,\"sql\":\"S\"}", "text"])
        #expect(parts("") == ["", "", "text"])
    }
}

@Suite struct RecalledLinesTests {
    private final class Lookup {
        let number: Int

        init(_ number: Int) {
            self.number = number
        }
    }

    private func remember(_ line: String, _ number: Int, in lines: RecalledLines<Lookup>) {
        Array(line.utf8).withUnsafeBytes { lines.remember(LineKey($0), Lookup(number)) }
    }

    private func number(of line: String, in lines: RecalledLines<Lookup>) -> Int? {
        Array(line.utf8).withUnsafeBytes { lines.lookup(of: LineKey($0))?.number }
    }

    @Test func findsALineByItsBytes() {
        let lines = RecalledLines<Lookup>()
        remember("{\"id\":1,\"sql\":\"SELECT a FROM t WHERE id = $1\",\"params\":[42]}", 1, in: lines)
        remember("SELECT 1", 2, in: lines)
        #expect(number(of: "{\"id\":\"x\",\"sql\":\"SELECT a FROM t WHERE id = $1\",\"params\":[42]}", in: lines) == 1)
        #expect(number(of: "{\"sql\":\"SELECT a FROM t WHERE id = $1\",\"params\":[42]}", in: lines) == 1)
        #expect(number(of: "{\"sql\":\"SELECT a FROM t WHERE id = $1\",\"params\":[43]}", in: lines) == nil)
        #expect(number(of: "SELECT 1", in: lines) == 2)
        #expect(number(of: "SELECT 1 ", in: lines) == nil)
        // The rest of an object as a line of its own is another line.
        #expect(number(of: "\"sql\":\"SELECT a FROM t WHERE id = $1\",\"params\":[42]}", in: lines) == nil)
    }

    @Test func whatIsFetchedAheadIsTheLine() {
        let lines = RecalledLines<Lookup>()
        for number in 0..<500 { remember("SELECT \(number)", number, in: lines) }
        for number in 0..<1000 {
            let ahead = Array("SELECT \(number)".utf8).withUnsafeBytes { bytes in
                lines.prefetchLine(lines.prefetchPlace(of: LineKey(bytes)))
            }
            let found = ahead?.takeUnretainedValue()
            // One of those may have given way to another.
            #expect(found?.lookup.number == self.number(of: "SELECT \(number)", in: lines))
            #expect(found?.prefetch().takeUnretainedValue().number == found?.lookup.number)
            if let found { #expect(String(buffer: found.text) == "SELECT \(number)") }
        }
        #expect(lines.count > 400)
        remember("{\"id\":7,\"sql\":\"S\"}", 1, in: lines)
        let line = Array("{\"id\":8,\"sql\":\"S\"}".utf8).withUnsafeBytes { lines.line(of: LineKey($0)) }
        #expect(line.map { String(buffer: $0.text) } == "{\"sql\":\"S\"}")
    }

    @Test func eachByteAndTheLengthCount() {
        let lines = RecalledLines<Lookup>()
        for length in 1...100 {
            remember(String(repeating: "a", count: length), length, in: lines)
            #expect(number(of: String(repeating: "a", count: length), in: lines) == length)
        }
        // By chance one of them may have given way to another, which is then not taken for it.
        for length in 1...100 {
            let found = number(of: String(repeating: "a", count: length), in: lines)
            #expect(found == nil || found == length)
        }
        #expect(lines.count > 80)
        for place in 0..<100 {
            var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 100)
            bytes[place] = UInt8(ascii: "b")
            #expect(number(of: String(decoding: bytes, as: UTF8.self), in: lines) == nil)
        }
    }

    @Test func theLatestCounts() {
        let lines = RecalledLines<Lookup>()
        remember("SELECT 1", 1, in: lines)
        remember("SELECT 1", 2, in: lines)
        #expect(number(of: "SELECT 1", in: lines) == 2)
        #expect(lines.count == 1)
    }

    @Test func isBounded() {
        let lines = RecalledLines<Lookup>(capacity: 256, byteLimit: 1 << 20)
        for number in 0..<10_000 { remember("SELECT \(number)", number, in: lines) }
        #expect(lines.count <= 256 && lines.count > 128)
        let found = (0..<10_000).count { (expected: Int) in number(of: "SELECT \(expected)", in: lines) == expected }
        #expect(found == lines.count)
        let small = RecalledLines<Lookup>(capacity: 1 << 16, byteLimit: 10_000)
        for number in 0..<10_000 {
            remember("SELECT \(number)", number, in: small)
            #expect(small.bytes <= 10_000)
        }
        remember(String(repeating: "x", count: 2000), 1, in: small)
        #expect(number(of: String(repeating: "x", count: 2000), in: small) == nil)
    }

    /// Where all together are too large, those give way that nobody asks for.
    @Test func whatIsAskedForStaysWhereRoomIsShort() {
        let lines = RecalledLines<Lookup>(capacity: 1 << 16, byteLimit: 100_000)
        for number in 0..<100 { remember("SELECT 'hot \(number)'", -number, in: lines) }
        for number in 0..<20_000 {
            _ = self.number(of: "SELECT 'hot \(number % 100)'", in: lines)
            remember("SELECT \(number)", number, in: lines)
            #expect(lines.bytes <= 100_000)
        }
        let hot = (0..<100).count { (expected: Int) in number(of: "SELECT 'hot \(expected)'", in: lines) == -expected }
        // A set may be full of lines that were asked for.
        #expect(hot > 90, "\(hot)")
        // The room is used, and the last that came are there.
        #expect(lines.count > 400)
        #expect(number(of: "SELECT 19999", in: lines) == 19_999)
    }

    @Test func growsWithWhatIsAskedFor() {
        let lines = RecalledLines<Lookup>(capacity: 1 << 16, byteLimit: 64 << 20)
        for number in 0..<20_000 { remember("SELECT \(number)", number, in: lines) }
        let found = (0..<20_000).count { (expected: Int) in number(of: "SELECT \(expected)", in: lines) == expected }
        #expect(found > 19_500, "\(found)")
    }

    @Test func whatIsAskedForStays() {
        let lines = RecalledLines<Lookup>(capacity: 64, byteLimit: 1 << 20)
        remember("SELECT 'hot'", -1, in: lines)
        for number in 0..<1000 {
            #expect(self.number(of: "SELECT 'hot'", in: lines) == -1)
            remember("SELECT \(number)", number, in: lines)
        }
    }
}
