import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisCommandTests {
    private func encoded(_ command: RedisCommand) -> String {
        var buffer = ByteBuffer()
        command.encode(into: &buffer)
        return String(buffer: buffer)
    }

    @Test func aCommandIsAnArrayOfBulkStrings() {
        #expect(encoded(RedisCommand("GET", "product:42")) == "*2\r\n$3\r\nGET\r\n$10\r\nproduct:42\r\n")
        #expect(encoded(RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
        #expect(
            encoded(RedisCommand(parts: ["SET", "", "Caf\u{E9}"])) == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\nCaf\u{E9}\r\n"
        )
    }

    @Test func theWaysOfWritingACommandAgree() {
        var appended = RedisCommand("SET")
        appended.append("key")
        appended.append(ByteBuffer(string: "-12"))
        #expect(appended == RedisCommand("SET", "key", "-12"))
        #expect(appended == RedisCommand("SET", [ByteBuffer(string: "key"), ByteBuffer(string: "-12")]))
        var counted = RedisCommand("SET", "key")
        counted.append(-12)
        #expect(appended == counted)
    }

    @Test func anArgumentHoldsAnyBytes() throws {
        let bytes = ByteBuffer(bytes: Array(UInt8.min...UInt8.max) + Array("\r\n$1\r\n".utf8))
        var buffer = ByteBuffer()
        RedisCommand("SET", [bytes]).encode(into: &buffer)
        var decoder = RESPDecoder()
        #expect(
            try decoder.decode(buffer: &buffer) == .array([.bulkString(ByteBuffer(string: "SET")), .bulkString(bytes)])
        )
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: [0, 1, 8, 9, 10, 98, 99, 100, 998, 1_000, 12_345]) func anyNumberOfPartsIsCounted(
        _ count: Int
    ) throws {
        var command = RedisCommand("DEL")
        for index in 0..<count { command.append(Int64(index)) }
        var buffer = ByteBuffer()
        command.encode(into: &buffer)
        #expect(buffer.readableBytes <= command.encodedLength)
        var decoder = RESPDecoder()
        let parts = try #require(try decoder.decode(buffer: &buffer)?.elements)
        #expect(parts.count == count + 1)
        #expect(parts.last?.string == (count == 0 ? "DEL" : String(count - 1)))
    }

    @Test func anArgumentOfManyBytesIsCounted() throws {
        for length in [9, 10, 99, 100, 65_535, 1_000_000] {
            var buffer = ByteBuffer()
            RedisCommand("SET", [ByteBuffer(repeating: UInt8(ascii: "x"), count: length)]).encode(into: &buffer)
            var decoder = RESPDecoder()
            #expect(try decoder.decode(buffer: &buffer)?.elements?.last?.bytes?.readableBytes == length)
        }
    }

    @Test func aBatchIsItsCommandsOneBehindTheOther() {
        for commands in [[], [RedisCommand("PING")], [RedisCommand("PTTL", "k"), RedisCommand("MGET", "k", "t")]] {
            let batch = RedisBatch(commands)
            // Only a hint to the processor.
            batch.prefetch()
            #expect(batch.encoded == commands.flatMap { Array($0.encoded.readableBytesView) })
            #expect(batch.count == commands.count)
        }
    }

    @Test func theDescriptionTellsNoArguments() {
        #expect(RedisCommand("SET", "session:secret", "value").description == "SET with 2 arguments")
        #expect(RedisCommand("PING").description == "PING with 0 arguments")
        #expect(RedisCommand(parts: []).description == "empty command")
    }
}
