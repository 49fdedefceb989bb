/// One read on its way through `QueryCache.answer`: a stage is what it does next.
///
/// It begins with a snapshot of the tags and the question to Redis in one step. Were something to come between the two, the
/// read would owe less and keep less than one that began after it, and see the same.
struct ReadModel: Hashable {
    enum Stage: Hashable {
        /// What Redis had is on its way back. If it is of no use, look for a flight, else begin one, which first looks into
        /// memory again. Between these nothing comes that would make a difference.
        case judge(SharedEntry?, generation: Int?)
        /// A strict read makes the generation that is missing before it looks for a flight.
        case complete
        case board
        /// `SET … NX GET` of what is missing.
        case prepare
        case ask
        /// Only without the guard: the generation from after the question.
        case readGenerationAgain
        /// Store it in Redis and in memory, and end the flight. An invalidation that is heard between these finds nothing in
        /// memory instead of emptying it.
        case store
        /// For the flight of another read.
        case wait(Int)
        case done
    }

    var proxy: Int
    var isStrict: Bool
    /// The version that it must see at least: what had been answered when it began.
    var floor: Int
    /// Whether no invalidation was heard since it began: what its `TagSnapshot` tells. One that was outdated once stays so.
    var isCurrent = true
    var stage = Stage.board
    /// As the first look into Redis found it.
    var read: Int?
    /// The generation that joiners compare, and under which the answer is stored.
    var generation: Int?
    var version: Int?

    /// Done reads are all alike.
    static let ended: ReadModel = {
        var read = ReadModel(proxy: 0, isStrict: false, floor: 0)
        read.stage = .done
        return read
    }()
}

/// A write on its way through `QueryProxy.write` and `QueryCache.invalidate`.
struct WriteModel: Hashable {
    enum Stage: Hashable {
        case commit
        case hear
        /// Give the tag a new generation.
        case tell
        /// What became of that is known: publish or queue, hear again, answer.
        case answer(isTold: Bool)
    }

    var number: Int
    var proxy: Int
    var stage = Stage.commit
}
