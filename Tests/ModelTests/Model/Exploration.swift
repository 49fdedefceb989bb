/// Something whose every possible course is looked at.
protocol StateSpace {
    associatedtype State: Hashable
    associatedtype Step

    var beginning: State { get }
    /// Everything that can happen next.
    func steps(from state: State) -> [(step: Step, state: State)]
    /// What is wrong in a state, in words; nil where nothing is.
    func fault(in state: State) -> String?
}

private struct Arrival<Space: StateSpace> {
    var state: Space.State
    /// The number of the state from which it was reached.
    var parent: Int
    var step: Space.Step?
}

/// What an exploration found.
struct Exploration {
    var states: Int
    /// Whether every state was looked at, or all up to the fault.
    var isWhole = true
    var fault: String?
    /// The shortest way to the fault, in words.
    var trace: [String]

    /// Breadth first, so that the first fault found is one with the fewest steps. Ends with the first fault.
    ///
    /// - Parameter limit: with more states than that the model has become too large to be explored whole.
    init<Space: StateSpace>(of space: Space, limit: Int = 2_000_000) {
        var arrivals = [Arrival<Space>(state: space.beginning, parent: -1, step: nil)]
        var known: Set<Space.State> = [space.beginning]
        var next = 0
        trace = []
        while next < arrivals.count {
            if let fault = space.fault(in: arrivals[next].state) {
                var index = next
                while let step = arrivals[index].step {
                    trace.insert("\(step)", at: 0)
                    index = arrivals[index].parent
                }
                self.fault = fault
                break
            }
            guard arrivals.count <= limit else {
                isWhole = false
                break
            }
            for (step, state) in space.steps(from: arrivals[next].state) where known.insert(state).inserted {
                arrivals.append(Arrival(state: state, parent: next, step: step))
            }
            next += 1
        }
        states = known.count
    }

    var text: String {
        let way = trace.enumerated().map { "\($0.offset + 1). \($0.element)" }
        return (["\(fault ?? "no fault") in \(states) states"] + way).joined(separator: "\n")
    }
}
