import NIOCore
import Testing

@testable import PostgresClient

@Suite("Statements of direct connections") struct DirectStatementTests {
    private static let types: TypeCatalogue = {
        let types = TypeCatalogue()
        types.add([
            16: PostgresType(name: "bool", form: .boolean), 23: PostgresType(name: "int4", form: .number),
            25: PostgresType(name: "text", form: .text), 1082: PostgresType(name: "date", form: .date),
            114: PostgresType(name: "json", form: .json),
        ])
        return types
    }()

    private func statement(_ columns: [UInt32]) -> DirectStatement {
        var message = ByteBuffer()
        message.writeInteger(UInt16(columns.count))
        for (index, type) in columns.enumerated() {
            message.writeString("c\(index)")
            message.writeRepeatingByte(0, count: 7)
            message.writeInteger(type)
            message.writeRepeatingByte(0, count: 8)
        }
        let statement = DirectStatement(name: "s")
        #expect(message.withUnsafeReadableBytes { statement.describe($0) })
        return statement
    }

    private func row(_ values: [String?]) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeInteger(UInt16(values.count))
        for value in values {
            message.writeInteger(Int32(value?.utf8.count ?? -1))
            message.writeString(value ?? "")
        }
        return message
    }

    /// The rows as they stand in the answer; nil where the statement wants none of them.
    private func written(_ columns: [UInt32], _ rows: [[String?]]) throws -> String? {
        let statement = statement(columns)
        var body = try #require(statement.body(Self.types))
        let start = body.writerIndex
        for (index, values) in rows.enumerated() {
            let size = row(values).withUnsafeReadableBytes {
                statement.write($0, isFirst: index == 0, into: &body, Self.types)
            }
            guard let size else { return nil }
            #expect(size == body.readableBytes)
        }
        return body.getString(at: start, length: body.writerIndex - start)
    }

    @Test("rows, whatever has to be escaped")
    func rows() throws {
        let all: [(UInt32, String?, String)] = [
            (16, "t", "true"), (16, "f", "false"), (16, nil, "null"), (23, "-12.50", "-12.50"), (23, "7e20", "7e20"),
            (23, "NaN", "\"NaN\""), (23, "-Infinity", "\"-Infinity\""), (25, "", "\"\""), (25, "plain", "\"plain\""),
            (25, "é – 字", "\"é – 字\""), (25, "a\"b\\c\nd", #""a\"b\\c\nd""#), (1082, "2026-11-29", "\"2026-11-29\""),
            (25, "a text of more than eight bytes\t", #""a text of more than eight bytes\t""#),
        ]
        for (type, value, text) in all {
            #expect(try written([type], [[value]]) == "[\(text)]")
            // Between others, in the first row and in the next; beside json nothing is written in one go.
            let texts = "true,\(text),\"x\""
            #expect(try written([16, type, 25], [["t", value, "x"], ["t", value, "x"]]) == "[\(texts)],[\(texts)]")
            #expect(try written([16, type, 25, 114], [["t", value, "x", "{}"]]) == "[\(texts),{}]")
        }
        let types = all.map(\.0)
        #expect(try written(types, [all.map(\.1)]) == "[" + all.map(\.2).joined(separator: ",") + "]")
    }

    @Test("rows that grow most", arguments: [1, 9, 400])
    func growingRows(count: Int) throws {
        let falses = Array(repeating: "false", count: count).joined(separator: ",")
        let nulls = Array(repeating: "null", count: count).joined(separator: ",")
        let written = try written(
            Array(repeating: 16, count: count),
            [Array(repeating: "f", count: count), Array(repeating: nil, count: count)]
        )
        #expect(written == "[\(falses)],[\(nulls)]")
    }

    @Test("rows that do not fit")
    func unfittingRows() throws {
        #expect(try written([16, 25], [["t"]]) == nil)
        #expect(try written([16], [["t", "x"]]) == nil)
        let statement = statement([25])
        var body = try #require(statement.body(Self.types))
        let message = row(["abc"])
        let cut = message.getSlice(at: 0, length: message.readableBytes - 1) ?? ByteBuffer()
        #expect(cut.withUnsafeReadableBytes { statement.write($0, isFirst: true, into: &body, Self.types) } == nil)
    }
}
