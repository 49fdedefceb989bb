/// Lets a bounded number of log lines a second through, and counts what it holds back.
///
/// What goes wrong for one request goes wrong for all of them at once (PostgreSQL is slow, a disk is full), and a line
/// for each would bury what matters and slow the rest.
struct LineThrottle {
    private let limit: Int
    private var second: Int64 = .min
    private var written = 0
    private var heldBack = 0

    /// - Parameter limit: lines a second.
    init(limit: Int) {
        self.limit = limit
    }

    /// - Parameter second: of any clock that does not go back.
    /// - Returns: how many lines were held back since the last one; nil where this one is held back too.
    mutating func admit(in second: Int64) -> Int? {
        if second != self.second {
            self.second = second
            written = 0
        }
        guard written < limit else {
            heldBack += 1
            return nil
        }
        written += 1
        defer { heldBack = 0 }
        return heldBack
    }
}
