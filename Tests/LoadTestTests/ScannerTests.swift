import Testing

@testable import LoadTest

@Suite("Answers in pieces")
struct ScannerTests {
    private func kinds<Scanner: AnswerScanner>(
        _ type: Scanner.Type,
        _ text: String,
        pieces: Int
    ) throws -> ([AnswerKind], String?) {
        var scanner = Scanner()
        var kinds: [AnswerKind] = []
        let bytes = Array(text.utf8)
        let answers = UnsafeMutablePointer<AnswerKind>.allocate(capacity: 64)
        defer { answers.deallocate() }
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let count = try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes {
                try scanner.scan($0, answers, limit: 64)
            }
            kinds += (0..<count).map { answers[$0] }
        }
        return (kinds, scanner.firstError)
    }

    @Test("lines of the line protocol", arguments: [1, 2, 7, 19, 1000])
    func cutsLines(pieces: Int) throws {
        let sources = ["memory", "redis", "miss", "shared", "stale", "bypass"]
        let lines = sources.map { "{\"ok\":true,\"cache\":\"\($0)\",\"rows\":[]}\n" }.joined()
        let (kinds, error) = try kinds(
            LineScanner.self,
            lines + "{\"ok\":false,\"error\":{}}\n" + lines,
            pieces: pieces
        )
        let expected: [AnswerKind] = [.memory, .redis, .miss, .shared, .stale, .bypass]
        #expect(kinds == expected + [.error] + expected)
        #expect(error == "{\"ok\":false,\"error\":{}}")
    }

    @Test("replies of Redis", arguments: [1, 2, 3, 5, 1000])
    func cutsReplies(pieces: Int) throws {
        let text = "$5\r\na\r\nbc\r\n+OK\r\n$0\r\n\r\n$-1\r\n-ERR no\r\n:5\r\n"
        let (kinds, error) = try kinds(RESPScanner.self, text, pieces: pieces)
        #expect(kinds == [.plain, .plain, .plain, .miss, .error, .plain])
        #expect(error?.hasPrefix("-ERR no") == true)
    }

    @Test("an answer too many is an error")
    func refusesMore() {
        let answers = UnsafeMutablePointer<AnswerKind>.allocate(capacity: 1)
        defer { answers.deallocate() }
        var scanner = LineScanner()
        #expect(throws: LoadTestError.self) {
            _ = try Array("{}\n{}\n".utf8).withUnsafeBytes { try scanner.scan($0, answers, limit: 1) }
        }
    }
}
