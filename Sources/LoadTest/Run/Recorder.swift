internal import Histogram

/// Latencies by where the answers came from, in nanoseconds (HdrHistogram, three digits).
struct Recorder: Sendable {
    private static let longest: UInt64 = 3_600_000_000_000

    private(set) var histograms: [Histogram<UInt64>]

    init() {
        histograms = AnswerKind.allCases.map { _ in
            Histogram(highestTrackableValue: Self.longest, numberOfSignificantValueDigits: .three)
        }
    }

    @inline(__always)
    mutating func record(_ kind: AnswerKind, _ nanoseconds: Int64) {
        histograms[kind.rawValue].record(min(Self.longest, UInt64(max(1, nanoseconds))))
    }

    mutating func reset() {
        self = Recorder()
    }

    mutating func add(_ other: Recorder) {
        for index in histograms.indices {
            for value in other.histograms[index].recordedValues() {
                histograms[index].record(value.value, count: value.count)
            }
        }
    }

    func count(of kind: AnswerKind) -> Int { Int(histograms[kind.rawValue].totalCount) }

    /// All kinds but failures in one, with what was due and did not come: it took at least until the end.
    var answers: Histogram<UInt64> {
        var all = histograms[AnswerKind.plain.rawValue]
        for kind in AnswerKind.allCases where kind != .plain && kind != .error {
            for value in histograms[kind.rawValue].recordedValues() { all.record(value.value, count: value.count) }
        }
        return all
    }
}
