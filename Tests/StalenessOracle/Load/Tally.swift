/// What was counted.
struct Tally {
    /// A read that was older than it may be, in words.
    struct Violation {
        var text: String
    }

    var reads = 0
    var readsBySource: [Reply.Source: Int] = [:]
    var strictReads = 0
    /// By the code of the error.
    var failedReads: [String: Int] = [:]
    /// Connections that ended before the answer came.
    var lostReads = 0
    var writes = 0
    var incompleteWrites = 0
    var failedWrites: [String: Int] = [:]
    var lostWrites = 0
    /// Writes that raised no version although nothing stood against them.
    var ineffectiveWrites = 0
    var delays = Delays()
    var stale = 0
    /// The first of them.
    private(set) var violations: [Violation] = []

    static let shownViolations = 10

    mutating func violated(_ text: @autoclosure () -> String) {
        stale += 1
        if violations.count < Self.shownViolations { violations.append(Violation(text: text())) }
    }
}
