import QueryCache
import Testing

/// Every course of a small model is looked at, with each guard on and off.
@Suite(.timeLimit(.minutes(5))) struct ExplorationTests {
    @Test(arguments: [
        CacheSpace.Scenario(writers: [0, 0], reads: 2),
        CacheSpace.Scenario(writers: [0, 1], reads: 2),
        CacheSpace.Scenario(writers: [0], reads: 2, crashes: true, flushes: true),
        CacheSpace.Scenario(writers: [0, 0], reads: 1, crashes: true, flushes: true),
        CacheSpace.Scenario(writers: [0, 0], reads: 1, crashes: true, outages: true),
        CacheSpace.Scenario(writers: [0], reads: 1, crashes: true, isAlone: true, flushes: true, outages: true),
    ])
    func nothingIsStale(scenario: CacheSpace.Scenario) {
        let exploration = Exploration(of: CacheSpace(scenario))
        #expect(exploration.fault == nil, "\(exploration.text)")
        #expect(exploration.isWhole)
    }

    /// Guards against what the model leaves out: a Redis with another history, how messages are put together, and
    /// PostgreSQL's own processes. They have tests on real servers.
    static let outsideTheModel: Set = [
        "begins-epoch-on-another-server", "gathers-messages", "watches-lost-backends", "row-writes-reach-tables",
    ]

    @Test(arguments: Guards.names.filter { !outsideTheModel.contains($0) })
    func theAbsenceOfAGuardIsFound(name: String) throws {
        let needsOutage = ["drops-memory-after-subscribing", "queues-invalidations"].contains(name)
        var scenario = CacheSpace.Scenario(writers: [0], reads: 1, outages: needsOutage)
        let isKnown = scenario.guards.switchOff(name)
        try #require(isKnown)
        let exploration = Exploration(of: CacheSpace(scenario))
        #expect(exploration.fault != nil)
        print("without \(name), \(exploration.text)")
    }

    /// A proxy that is alone dies between COMMIT and Redis. That its successor does not go on with what Redis holds is only
    /// due to the register of those who run.
    @Test func theDeathOfALonelyProxyIsNoticed() {
        var space = CacheSpace(CacheSpace.Scenario(writers: [0], reads: 1, crashes: true, isAlone: true))
        #expect(Exploration(of: space).fault == nil)
        space.hasRegister = false
        let exploration = Exploration(of: space)
        #expect(exploration.fault != nil)
    }
}
