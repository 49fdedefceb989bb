/// When the requests of an open loop are due: at equal distances, whatever the answers take.
///
/// A request that could not be sent when it was due keeps its moment, and its latency counts from there: a server that stalls
/// for a second is charged with what clients would have waited (no coordinated omission).
struct Schedule {
    /// Nanoseconds between two requests.
    let interval: Double
    let start: Int64
    private(set) var sent = 0

    init(requestsPerSecond: Double, start: Int64) {
        interval = 1e9 / requestsPerSecond
        self.start = start
    }

    /// When the next request is due.
    var next: Int64 { start + Int64(Double(sent) * interval) }

    /// Takes the next request, and returns when it was due.
    mutating func take() -> Int64 {
        let due = next
        sent += 1
        return due
    }
}
