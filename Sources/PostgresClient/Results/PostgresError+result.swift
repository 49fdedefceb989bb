internal import CLibPQ

extension PostgresError {
    /// What the server said in an error result.
    init(server result: OpaquePointer, stepIndex: Int?) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        self.init(.server, field("M") ?? "PostgreSQL refused the statement")
        sqlState = field("C")
        detail = field("D")
        hint = field("H")
        position = field("P").flatMap { Int($0) }
        self.stepIndex = stepIndex
    }
}
