internal import NIOCore
internal import Synchronization

/// Counts of one server's connections, for `stats`: `accepted = open + closed + rejected`.
package final class LineServerStatistics: Sendable {
    private let acceptedCount = Atomic<Int>(0)
    private let rejectedCount = Atomic<Int>(0)
    private let openCount = Atomic<Int>(0)
    private let requestCount = Atomic<Int>(0)

    package init() {}

    package var accepted: Int { acceptedCount.load(ordering: .relaxed) }
    package var rejected: Int { rejectedCount.load(ordering: .relaxed) }
    package var open: Int { openCount.load(ordering: .relaxed) }
    package var requests: Int { requestCount.load(ordering: .relaxed) }

    /// Counts a connection; false when there are too many and this one must go.
    func admit(limit: Int) -> Bool {
        acceptedCount.add(1, ordering: .relaxed)
        if openCount.add(1, ordering: .relaxed).newValue <= limit { return true }
        openCount.subtract(1, ordering: .relaxed)
        rejectedCount.add(1, ordering: .relaxed)
        return false
    }

    func closed() {
        openCount.subtract(1, ordering: .relaxed)
    }

    func requestsBegan(_ count: Int) {
        requestCount.add(count, ordering: .relaxed)
    }

    /// Writes `,"connections":{…}` behind the members of `stats`.
    func write(into buffer: inout ByteBuffer, limit: Int) {
        buffer.writeString(
            ",\"connections\":{\"open\":\(open),\"accepted\":\(accepted),\"rejected\":\(rejected),\"limit\":\(limit)},"
                + "\"requests\":\(requests)"
        )
    }
}
