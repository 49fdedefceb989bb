/// A column of a result.
public struct CisternColumn: Hashable, Sendable {
    public let name: String
    /// PostgreSQL's name of the type: `int8`, `numeric`, `_text` for `text[]`.
    public let type: String
}

/// A result's columns, shared by its rows.
final class ColumnList: Sendable {
    let columns: [CisternColumn]
    private let places: [String: Int]

    init(_ columns: [CisternColumn]) {
        self.columns = columns
        self.places = Dictionary(columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func place(of name: String) -> Int? { places[name] }
}

/// One row of a result.
public struct CisternRow: Sendable {
    private let list: ColumnList
    /// In the order of the columns.
    public let values: [CisternValue]

    init(_ list: ColumnList, _ values: [CisternValue]) {
        self.list = list
        self.values = values
    }

    public var columns: [CisternColumn] { list.columns }

    /// The value of the first column of that name; nil where there is none. SQL's NULL is ``CisternValue/null``.
    public subscript(name: String) -> CisternValue? {
        list.place(of: name).map { values[$0] }
    }

    public subscript(index: Int) -> CisternValue { values[index] }

    /// Reads the row as a type. A coding key finds the column of its name, or of that name in snake case (`basePrice` finds
    /// `base_price`). A row of one column can be read as a plain value.
    ///
    /// - Throws: ``CisternError`` with ``CisternError/Code/decoding``.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws(CisternError) -> Value {
        do {
            return try ValueDecoder.decode(type, from: self)
        } catch {
            throw CisternError(decoding: error)
        }
    }
}
