/// Where an answer came from.
public enum AnswerSource: String, Hashable, Sendable {
    /// The proxy's own memory.
    case memory
    case redis
    /// PostgreSQL, now; the answer has been stored.
    case miss
    /// PostgreSQL, asked by another request that this one waited for.
    case shared
    /// The cache, past its time to live, within what the namespace allows.
    case stale
    /// PostgreSQL, and nothing was stored; ``QueryResult/reason`` says why.
    case bypass
}

/// What a write dropped.
public struct Invalidated: Hashable, Sendable {
    /// With their schemas; `["*"]` stands for everything.
    public let tables: [String]
    public let tags: [String]
    /// False where Redis could not be told; it is told first thing when it is back.
    public let isComplete: Bool
}

/// The answer to a statement.
public struct QueryResult<Row: Sendable>: Sendable {
    public let source: AnswerSource
    /// Why nothing was stored, with the culprit behind a colon: `volatile_function:random`.
    public let reason: String?
    /// Since PostgreSQL was asked; nil where nothing is stored.
    public let age: Duration?
    /// What is left until the entry ends; nil where nothing is stored.
    public let timeToLive: Duration?
    public let columns: [CisternColumn]
    public let rows: [Row]
    /// The rows that came, or those that a write changed.
    public let rowCount: Int
    /// `UPDATE`, `CREATE TABLE` …; nil for a read.
    public let command: String?
    /// What a write dropped; nil for a read, and inside a transaction.
    public let invalidated: Invalidated?
    /// The answers to the reads of ``QueryOptions/refreshing``, in their order.
    public let refreshed: [Result<QueryResult<CisternRow>, CisternError>]
}

extension QueryResult where Row == CisternRow {
    init(_ answer: Answer) throws(CisternError) {
        guard let source = AnswerSource(rawValue: try answer.string("cache")) else {
            throw .bad("came from a source that there is not")
        }
        self.source = source
        reason = answer.optional("reason")?.string
        age = answer.duration(milliseconds: "age_ms")
        timeToLive = answer.duration(milliseconds: "ttl_ms")
        var columns: [CisternColumn] = []
        for column in try answer.array("columns") {
            guard let name = column["name"]?.string, let type = column["type"]?.string else {
                throw .bad("has a column without a name or a type")
            }
            columns.append(CisternColumn(name: name, type: type))
        }
        let list = ColumnList(columns)
        var rows: [CisternRow] = []
        for row in try answer.array("rows") {
            guard let values = row.array, values.count == columns.count else {
                throw .bad("has a row of another length than its columns")
            }
            rows.append(CisternRow(list, values))
        }
        self.columns = columns
        self.rows = rows
        rowCount = try answer.int("row_count")
        command = answer.optional("command")?.string
        invalidated = answer.optional("invalidated") == nil ? nil : try Invalidated(answer)
        refreshed = try Self.refreshed(in: answer)
    }

    static func refreshed(
        in answer: Answer
    ) throws(CisternError) -> [Result<QueryResult<CisternRow>, CisternError>] {
        guard answer.optional("refreshed") != nil else { return [] }
        var outcomes: [Result<QueryResult<CisternRow>, CisternError>] = []
        for value in try answer.array("refreshed") {
            do throws(CisternError) {
                outcomes.append(.success(try QueryResult(try Answer(value))))
            } catch {
                if error.code == .badAnswer { throw error }
                outcomes.append(.failure(error))
            }
        }
        return outcomes
    }

    /// Reads every row as a type.
    ///
    /// - Throws: ``CisternError`` with ``CisternError/Code/decoding`` about the first row that does not fit.
    public func decoded<Value: Decodable & Sendable>(
        as type: Value.Type = Value.self
    ) throws(CisternError) -> QueryResult<Value> {
        var values: [Value] = []
        values.reserveCapacity(rows.count)
        for row in rows { values.append(try row.decode(type)) }
        return QueryResult<Value>(
            source: source,
            reason: reason,
            age: age,
            timeToLive: timeToLive,
            columns: columns,
            rows: values,
            rowCount: rowCount,
            command: command,
            invalidated: invalidated,
            refreshed: refreshed
        )
    }
}

extension Invalidated {
    /// - Parameter answer: the answer that has the member `invalidated`.
    init(_ answer: Answer) throws(CisternError) {
        let inner = try answer.object("invalidated")
        tables = inner.optional("tables")?.array?.compactMap(\.string) ?? []
        tags = inner.optional("tags")?.array?.compactMap(\.string) ?? []
        isComplete = try inner.bool("complete")
    }
}
