/// What was written and when it was answered, and from that what a read must see.
///
/// A row's version only grows, and one writer at a time raises it. A write that was answered with success is known to be
/// there; one that was answered with an error, or not at all, may or may not be: no read need see it, every read may.
///
/// A read is judged by the writes that were answered before it began. It must not be older than
///
/// 1. any that its own proxy answered, whatever else happened, as long as that process lives. If Redis could not be told
///    (`"complete":false`), that proxy reads nothing from Redis until it has been;
/// 2. if it is strict: any that was complete. The generations are new in Redis before the answer goes out;
/// 3. if it is bounded and the write was complete: any that was answered longer ago than ``Rules/memoryBound``. As long as
///    the channel is provably alive the message comes at once; when it is not, memory is trusted for 3 s after the last
///    proof and serves only answers at most 3 s old (`degraded_max_age`), so the two do not add up. Without faults the
///    bound is ``Rules/channelBound``, and what is older within it is measured;
/// 4. any that was incomplete, from when it must have become known: once Redis has been left alone for
///    ``Rules/toldWithin`` while the proxy lived, which tells it first thing. If the proxy died before that, the others
///    declare everything stale when its heartbeats have stayed away: ``Rules/vanishedWithin`` without any disturbance.
///
/// All times are nanoseconds of one clock.
struct History {
    struct Rules {
        var memoryBound: Int64 = 4_000_000_000
        var channelBound: Int64 = 1_000_000_000
        var toldWithin: Int64 = 3_000_000_000
        var vanishedWithin: Int64 = 7_000_000_000
    }

    /// One life of one proxy.
    struct Process: Hashable {
        var proxy: Int
        var life: Int
    }

    struct Answer: Equatable {
        var version: Int
        var at: Int64
        var process: Process
        var isComplete: Bool
    }

    struct Read {
        var row: Int
        var process: Process
        var isStrict: Bool
        var began: Int64
        /// Nil where the row was not there.
        var version: Int?
    }

    enum Verdict: Equatable {
        case current
        /// Older than a write that was answered so long before the read began, within what is allowed.
        case late(by: Int64)
        /// Older than a write that it had to see.
        case stale(Answer)
        /// Nobody has ever written this version.
        case unheardOf
    }

    private struct Row {
        var attempted = 0
        /// Ascending by version and by time.
        var answers: [Answer] = []
    }

    private let rules: Rules
    private let hasFaults: Bool
    private var rows: [Row]
    private var disturbances = Disturbances()
    private var ends: [Process: Int64] = [:]

    /// Every row begins with version 0, which is known to be there.
    init(rows: Int, hasFaults: Bool, rules: Rules = Rules()) {
        self.rules = rules
        self.hasFaults = hasFaults
        self.rows = Array(repeating: Row(), count: rows)
    }

    // MARK: Writing

    /// - Returns: the version to write.
    mutating func attempt(_ row: Int) -> Int {
        rows[row].attempted += 1
        return rows[row].attempted
    }

    mutating func answered(_ row: Int, _ answer: Answer) {
        rows[row].answers.append(answer)
    }

    /// The newest version that was answered with success.
    func newest(_ row: Int) -> Int { rows[row].answers.last?.version ?? 0 }

    func attempted(_ row: Int) -> Int { rows[row].attempted }

    // MARK: Faults

    /// - Returns: what to end it by.
    mutating func disturbanceBegan(_ kind: Disturbances.Kind, at time: Int64) -> Int {
        disturbances.began(kind, at: time)
    }

    mutating func disturbanceEnded(_ number: Int, at time: Int64) {
        disturbances.ended(number, at: time)
    }

    mutating func died(_ process: Process, at time: Int64) {
        ends[process] = time
    }

    // MARK: Judging

    func judge(_ read: Read) -> Verdict {
        let row = rows[read.row]
        guard let version = read.version, version <= row.attempted else { return .unheardOf }
        var late: Int64?
        // From the newest on; what is not newer than what was seen obliges to nothing.
        for answer in row.answers.reversed() {
            if answer.version <= version { break }
            if answer.at >= read.began { continue }
            if isBroken(by: read, answer) { return .stale(answer) }
            late = read.began - answer.at
        }
        return late.map { .late(by: $0) } ?? .current
    }

    private func isBroken(by read: Read, _ answer: Answer) -> Bool {
        if answer.process == read.process { return true }
        guard answer.isComplete else { return read.began > knownBy(answer) }
        if read.isStrict { return true }
        return read.began - answer.at > (hasFaults ? rules.memoryBound : rules.channelBound)
    }

    /// When every proxy must know of a write that Redis was not told of at first.
    private func knownBy(_ answer: Answer) -> Int64 {
        var told = disturbances.calm(of: rules.toldWithin, from: answer.at, among: [.redis])
        if let end = ends[answer.process], end < told {
            told = disturbances.calm(of: rules.vanishedWithin, from: max(end, answer.at), among: [.redis, .proxy])
        }
        return max(told, answer.at.addingReportingOverflow(rules.memoryBound).partialValue)
    }
}
