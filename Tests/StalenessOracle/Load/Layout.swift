import NIOCore

/// The tables that are read and written, and the requests for it.
///
/// Rows are numbered through all tables. Those whose number in their table is 0 are also read by a statement that takes its
/// snapshot, works for some milliseconds and then answers, so that writes overtake it.
///
/// One table at a time is hot: all writes are there, and half of the reads. So writes and reads overlap all the time; and
/// then the table rests longer than anything stale may be served, so that what went wrong is not made good by a later write
/// before it counts.
struct Layout: Sendable {
    var tables = 16
    var rowsPerTable = 6
    /// Rows that the slow statement counts: about 5000 in a millisecond.
    var slowness: Int
    /// Nanoseconds.
    var hotTime: Int64 = 400_000_000

    var rows: Int { tables * rowsPerTable }

    /// The rows of the table that is hot at a time, in nanoseconds.
    func hotRows(at time: Int64) -> Range<Int> {
        let table = Int(time / hotTime) % tables
        return table * rowsPerTable..<(table + 1) * rowsPerTable
    }

    /// A row to read.
    func row(at time: Int64, _ random: inout SplitMix64) -> Int {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: hotRows(at: time).lowerBound
        case 1, 2: Int.random(in: hotRows(at: time), using: &random)
        default: Int.random(in: 0..<rows, using: &random)
        }
    }

    func isReadSlowlyToo(_ row: Int) -> Bool { row % rowsPerTable == 0 }

    enum Consistency: Sendable {
        case bounded, strict
        /// Past the cache.
        case none
    }

    func read(_ row: Int, slowly: Bool = false, _ consistency: Consistency) -> String {
        let table = "t\(row / rowsPerTable)"
        let sql =
            slowly
            ? "SELECT version FROM \(table), (SELECT count(*) FROM generate_series(1, \(slowness))) AS work(n) "
                + "WHERE id = $1 AND n > 0"
            : "SELECT version FROM \(table) WHERE id = $1"
        let how =
            switch consistency {
            case .bounded: ""
            case .strict: ",\"consistency\":\"strict\""
            case .none: ",\"cache\":false"
            }
        return "{\"sql\":\"\(sql)\",\"params\":[\(row % rowsPerTable)]\(how)}"
    }

    func write(_ row: Int, version: Int) -> String {
        let sql = "UPDATE t\(row / rowsPerTable) SET version = $1 WHERE id = $2 AND version < $1"
        return "{\"sql\":\"\(sql)\",\"params\":[\(version),\(row % rowsPerTable)]}"
    }
}
