internal import CLibPQ

/// A connection to PostgreSQL, or to a pool before it, through libpq. One request at a time.
struct PostgresLoadConnection: LoadConnection {
    /// A statement with the texts of its parameters.
    final class Statement: Sendable {
        let name: String
        let request: Scenario.Request
        let parameters: [RequestTemplate]
        let simple: RequestTemplate

        init(_ request: Scenario.Request, number: Int) {
            name = "bench_\(number)"
            self.request = request
            parameters = request.parameters.map { RequestTemplate(parameter: $0) }
            simple = RequestTemplate(statement: request)
        }
    }

    private let connection: OpaquePointer
    private let statements: [Statement]
    private let usesSimpleProtocol: Bool
    private let names: [UnsafeMutablePointer<CChar>]
    private let text: UnsafeMutablePointer<UInt8>
    private let values: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private var hasFailed = false
    private(set) var isSending = false
    private(set) var firstError: String?

    /// Connects and prepares the statements. Waits for the server.
    ///
    /// - Throws: what libpq says.
    init(url: String, statements: [Statement], usesSimpleProtocol: Bool) throws(LoadTestError) {
        guard let connection = PQconnectdb(url), PQstatus(connection) == CONNECTION_OK else {
            throw LoadTestError("PostgreSQL cannot be reached")
        }
        self.connection = connection
        self.statements = statements
        self.usesSimpleProtocol = usesSimpleProtocol
        let simple = statements.map { $0.simple.capacity }.max() ?? 0
        let parameters = statements.map { $0.parameters.reduce(0) { $0 + $1.capacity } }.max() ?? 0
        text = .allocate(capacity: max(1, max(simple, parameters)))
        values = .allocate(capacity: max(1, statements.map(\.parameters.count).max() ?? 0))
        names = statements.map { statement in
            let name = UnsafeMutablePointer<CChar>.allocate(capacity: statement.name.utf8.count + 1)
            for (index, byte) in statement.name.utf8CString.enumerated() { name[index] = byte }
            return name
        }
        if !usesSimpleProtocol {
            for statement in statements {
                let result = PQprepare(connection, statement.name, statement.request.sql, 0, nil)
                defer { PQclear(result) }
                guard PQresultStatus(result) == PGRES_COMMAND_OK else {
                    throw LoadTestError("PostgreSQL refused \"\(statement.request.name)\": \(Self.message(connection))")
                }
            }
        }
        PQsetnonblocking(connection, 1)
    }

    func close() {
        PQfinish(connection)
        for name in names { name.deallocate() }
        text.deallocate()
        values.deallocate()
    }

    var descriptor: Int32 { PQsocket(connection) }

    mutating func begin(_ request: Int, key: Int, _ random: inout RandomNumbers) throws(LoadTestError) {
        let statement = statements[request]
        let accepted: Int32
        if usesSimpleProtocol {
            _ = statement.simple.write(key: key, &random, into: text)
            accepted = text.withMemoryRebound(to: CChar.self, capacity: 1) { PQsendQuery(connection, $0) }
        } else {
            var length = 0
            for (index, parameter) in statement.parameters.enumerated() {
                let start = text + length
                values[index] = UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
                length += parameter.write(key: key, &random, into: start)
                if case .literal(_, nil) = statement.request.parameters[index] { values[index] = nil }
            }
            accepted = PQsendQueryPrepared(
                connection,
                names[request],
                Int32(statement.parameters.count),
                values,
                nil,
                nil,
                0
            )
        }
        if accepted == 0 { throw LoadTestError("libpq: \(Self.message(connection))") }
    }

    /// libpq reads and writes by itself.
    static var canUseRing: Bool { false }

    mutating func flush(_ ring: SocketRing?, token: Int) throws(LoadTestError) {
        let left = PQflush(connection)
        if left < 0 { throw LoadTestError("libpq: \(Self.message(connection))") }
        isSending = left > 0
    }

    mutating func receive(
        _ event: SocketEvent,
        _ answers: UnsafeMutablePointer<AnswerKind>,
        limit: Int
    ) throws(LoadTestError) -> Int {
        if PQconsumeInput(connection) == 0 { throw LoadTestError("libpq: \(Self.message(connection))") }
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                guard limit > 0 else { return 0 }
                answers[0] = hasFailed ? .error : .plain
                hasFailed = false
                return 1
            }
            let status = PQresultStatus(result)
            if status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK {
                hasFailed = true
                if firstError == nil { firstError = Self.message(connection) }
            }
            PQclear(result)
        }
        return 0
    }

    private static func message(_ connection: OpaquePointer) -> String {
        guard let text = PQerrorMessage(connection) else { return "no message" }
        return String(cString: text).split(separator: "\n").joined(separator: "; ")
    }
}
