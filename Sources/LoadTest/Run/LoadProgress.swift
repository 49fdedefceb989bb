internal import Synchronization

/// Counts of a run under way, which its threads raise and the progress line reads.
final class LoadProgress: Sendable {
    private let answerCount = Atomic<Int>(0)
    private let errorCount = Atomic<Int>(0)

    var answers: Int { answerCount.load(ordering: .relaxed) }
    var errors: Int { errorCount.load(ordering: .relaxed) }

    func add(answers: Int, errors: Int) {
        answerCount.add(answers, ordering: .relaxed)
        if errors > 0 { errorCount.add(errors, ordering: .relaxed) }
    }
}
