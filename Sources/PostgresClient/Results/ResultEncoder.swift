internal import CLibPQ
internal import JSONText
internal import NIOCore

/// Writes one statement's rows into a buffer, one libpq result at a time, straight from libpq's memory.
///
/// Rows with a type that is not known yet are held back as they came until the connection is free to ask for the type;
/// that happens once for each type.
final class ResultEncoder {
    private(set) var result = PostgresResult()
    private let output: PostgresStep.Output
    private let limit: Int
    private let expectedBytes: Int
    private let types: TypeCatalogue
    private var columnTypes: [UInt32] = []
    private var hasColumns = false
    private var held: [OpaquePointer] = []
    private var heldBytes = 0
    private(set) var missingTypes: Set<UInt32> = []

    init(_ output: PostgresStep.Output, expectedBytes: Int = 0, limit: Int, types: TypeCatalogue) {
        self.output = output
        self.limit = limit
        self.expectedBytes = min(expectedBytes, limit)
        self.types = types
    }

    deinit {
        for result in held { PQclear(result) }
    }

    var isOverLimit: Bool { result.body.readableBytes + heldBytes > limit }

    /// Takes a result of one or more rows, or the last one of a statement, and frees it when it is done with.
    func take(_ rows: OpaquePointer) {
        // What still comes until the server has taken the cancel request is not kept.
        if isOverLimit { return PQclear(rows) }
        result.rowCount += Int(PQntuples(rows))
        switch output {
        case .rows:
            for row in 0..<PQntuples(rows) { result.rows.append(Self.texts(rows, row)) }
            PQclear(rows)
        case .json:
            if !hasColumns { readColumns(rows) }
            if missingTypes.isEmpty {
                if PQntuples(rows) > 0 { write(rows) }
                PQclear(rows)
            } else {
                heldBytes += Int(PQresultMemorySize(rows))
                held.append(rows)
            }
        }
    }

    /// The statement has ended with this command tag.
    func finish(_ tag: String, affected: Int?) {
        result.command = tag.commandWords
        if result.rowCount == 0, let affected { result.rowCount = affected }
    }

    /// Writes what was held back, now that the types are known, and closes the body.
    func close() -> PostgresResult {
        missingTypes = []
        if let first = held.first { writeColumns(first) }
        for rows in held {
            if PQntuples(rows) > 0 { write(rows) }
            PQclear(rows)
        }
        held = []
        guard output == .json else { return result }
        if !hasColumns { result.body.writeStaticString("\"columns\":[],\"rows\":[") }
        result.body.writeRowCount(result.rowCount)
        if result.body.readableBytes < expectedBytes / 2 {
            // Who keeps it shall not keep room for much more.
            result.body = ByteBuffer(bytes: result.body.readableBytesView)
        }
        return result
    }

    private func readColumns(_ rows: OpaquePointer) {
        hasColumns = true
        columnTypes = (0..<PQnfields(rows)).map { PQftype(rows, $0) }
        missingTypes = types.missing(for: columnTypes)
        if missingTypes.isEmpty { writeColumns(rows) }
    }

    private func writeColumns(_ rows: OpaquePointer) {
        if expectedBytes > 0 { result.body.reserveCapacity(expectedBytes) }
        result.body.writeStaticString("\"columns\":[")
        for column in 0..<PQnfields(rows) {
            let name = PQfname(rows, column).map { String(cString: $0) } ?? ""
            result.body.writeColumn(name, types[columnTypes[Int(column)]], isFirst: column == 0)
        }
        result.body.writeStaticString("],\"rows\":[")
    }

    private func write(_ rows: OpaquePointer) {
        for row in 0..<PQntuples(rows) {
            if result.body.getInteger(at: result.body.writerIndex - 1, as: UInt8.self) != UInt8(ascii: "[") {
                result.body.writeStaticString(",")
            }
            result.body.writeStaticString("[")
            for column in 0..<columnTypes.count {
                if column > 0 { result.body.writeStaticString(",") }
                if PQgetisnull(rows, row, Int32(column)) != 0 {
                    result.body.writeStaticString("null")
                } else {
                    let length = Int(PQgetlength(rows, row, Int32(column)))
                    let bytes = UnsafeRawBufferPointer(start: PQgetvalue(rows, row, Int32(column)), count: length)
                    result.body.writeValue(bytes, of: columnTypes[column], types)
                }
            }
            result.body.writeStaticString("]")
        }
    }

    private static func texts(_ rows: OpaquePointer, _ row: Int32) -> [String?] {
        (0..<PQnfields(rows)).map { column in
            PQgetisnull(rows, row, column) != 0 ? nil : PQgetvalue(rows, row, column).map { String(cString: $0) }
        }
    }
}

// The parts of an answer.
extension ByteBuffer {
    mutating func writeColumn(_ name: String, _ type: PostgresType?, isFirst: Bool) {
        if !isFirst { writeStaticString(",") }
        writeStaticString("{\"name\":")
        writeJSONString(name)
        writeStaticString(",\"type\":")
        writeJSONString(type?.name ?? "unknown")
        writeStaticString("}")
    }

    /// Closes the list of rows.
    mutating func writeRowCount(_ count: Int) {
        writeStaticString("],\"row_count\":")
        writeDecimal(Int64(count))
    }
}

extension String {
    /// `INSERT 0 5` to `INSERT`.
    fileprivate var commandWords: String {
        split(separator: " ").filter { $0.first?.isNumber != true }.joined(separator: " ")
    }
}
