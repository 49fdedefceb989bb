/// Chooses the next request of a scenario by the shares in it.
struct RequestChoice {
    private let shares: [Double]

    /// - Parameter requests: reads and writes in the order of the connections' templates.
    init(_ requests: [Scenario.Request], writes: Double) {
        let readWeight = requests.filter { !$0.isWrite }.reduce(0) { $0 + $1.weight }
        let writeWeight = requests.filter(\.isWrite).reduce(0) { $0 + $1.weight }
        var sum = 0.0
        shares = requests.map { request in
            let weight = request.isWrite ? writeWeight : readWeight
            let share = request.isWrite ? writes : 1 - writes
            if weight > 0 { sum += share * request.weight / weight }
            return sum
        }
    }

    @inline(__always)
    func next(_ random: inout RandomNumbers) -> Int {
        if shares.count == 1 { return 0 }
        let fraction = random.nextFraction()
        var index = 0
        while index < shares.count - 1, fraction >= shares[index] { index += 1 }
        return index
    }
}
