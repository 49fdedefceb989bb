import Testing

@testable import LoadTest

@Suite("Requests written ahead")
struct RequestTemplateTests {
    private func written(_ template: RequestTemplate, key: Int) -> String {
        var random = RandomNumbers(seed: 1)
        let bytes = [UInt8](unsafeUninitializedCapacity: template.capacity) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            count = template.write(key: key, &random, into: base)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private let request = Scenario.Request(
        name: "r",
        weight: 1,
        isWrite: false,
        sql: "SELECT \"a\" WHERE id = $1 AND b = $2 AND c = $3 AND d = $10",
        parameters: [.key, .number(5...5), .literal(json: "\"it's\"", text: "it's")],
        fields: ["ns": "\"products\"", "ttl": "5"]
    )

    @Test("a line of the line protocol")
    func writesLines() {
        #expect(
            written(RequestTemplate(line: request), key: 1234)
                == "{\"sql\":\"SELECT \\\"a\\\" WHERE id = $1 AND b = $2 AND c = $3 AND d = $10\",\"params\":[1234,5,\"it's\"],\"ns\":\"products\",\"ttl\":5}\n"
        )
    }

    @Test("Redis commands, whose lengths hold for every key")
    func writesCommands() {
        let expected = "*2\r\n$3\r\nGET\r\n$12\r\nk:0000000042\r\n"
        #expect(written(RequestTemplate(redis: request, keyPrefix: "k:", value: "v"), key: 42) == expected)
        let fill = RequestTemplate.redisFill(keyPrefix: "k:", value: "val")
        #expect(written(fill, key: 7) == "*3\r\n$3\r\nSET\r\n$12\r\nk:0000000007\r\n$3\r\nval\r\n")
    }

    @Test("a statement with its constants written in")
    func writesStatements() {
        #expect(
            written(RequestTemplate(statement: request), key: 9)
                == "SELECT \"a\" WHERE id = 9 AND b = 5 AND c = 'it''s' AND d = $10\0"
        )
    }

    @Test("numbers", arguments: [0, 9, 10, 99, 100, 123_456_789, .max, -1, -10, .min + 1])
    func writesNumbers(number: Int) {
        let bytes = [UInt8](unsafeUninitializedCapacity: 24) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            count = writeDecimal(number, into: base)
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "\(number)")
    }
}
