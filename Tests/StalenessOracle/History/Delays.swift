/// How late something was, for a table.
struct Delays {
    private var values: [Int64] = []

    var count: Int { values.count }

    mutating func add(_ nanoseconds: Int64) {
        values.append(nanoseconds)
    }

    /// The smallest value that at least that part of all values does not exceed, in nanoseconds; nil where there are none.
    func percentile(_ part: Double) -> Int64? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let index = Int((Double(sorted.count) * part).rounded(.up)) - 1
        return sorted[max(0, min(index, sorted.count - 1))]
    }
}
