/// What is put under load.
package enum LoadTarget: Sendable, Equatable {
    case cistern(HostAndPort)
    /// GET of values of so many bytes, which are stored first.
    case redis(HostAndPort, valueBytes: Int)
    /// A libpq connection string: PostgreSQL or a pool before it.
    case postgres(String, usesSimpleProtocol: Bool)
    /// A server in this process that answers every line with the same bytes.
    case canned(answerBytes: Int)

    package var name: String {
        switch self {
        case .cistern: "cistern"
        case .redis: "redis"
        case .postgres: "postgres"
        case .canned: "canned"
        }
    }
}

/// How the generator's connections are read and written.
package enum SocketIO: String, Sendable, CaseIterable {
    /// io_uring where the kernel allows it and the load can use it, else epoll.
    case automatic = "auto"
    case ring = "io_uring"
    /// Whatever says which sockets are ready; poll where there is no epoll.
    case readiness = "epoll"
}

/// One measurement: what, how, and how long. Times in seconds.
package struct LoadPlan: Sendable, Equatable {
    package var target: LoadTarget
    package var scenario = Scenario.pointRead
    package var connections = 50
    /// Connections that are opened and say nothing.
    package var idleConnections = 0
    /// Requests that a connection sends before it waits for their answers.
    package var pipeline = 1
    /// Requests a second, whatever the answers take; nil sends the next as soon as the last is answered.
    package var rate: Double?
    package var threads = 1
    package var io = SocketIO.automatic
    package var warmUp: Double = 1
    package var duration: Double = 10
    /// Ask for every key once, before the warm-up.
    package var preloads = false
    package var seed: UInt64 = 1

    package init(target: LoadTarget) {
        self.target = target
    }

    /// - Throws: what contradicts itself or cannot be done.
    package func check() throws(LoadTestError) {
        try scenario.check()
        guard (1...100_000).contains(connections) else { throw LoadTestError("connections: from 1 to 100000") }
        guard (0...100_000).contains(idleConnections) else { throw LoadTestError("idle connections: from 0 to 100000") }
        guard (1...10_000).contains(pipeline) else { throw LoadTestError("pipeline: from 1 to 10000") }
        guard (1...64).contains(threads) else { throw LoadTestError("threads: from 1 to 64") }
        guard threads <= connections else { throw LoadTestError("there are more threads than connections") }
        guard duration > 0, duration.isFinite, warmUp >= 0, warmUp.isFinite else {
            throw LoadTestError("the duration must be above zero, the warm-up not below")
        }
        if let rate, !(rate > 0 && rate <= 1e8) { throw LoadTestError("the rate must be above zero") }
        if io == .ring, !canUseRing {
            throw LoadTestError(
                "io_uring is not for libpq, which reads and writes by itself, nor for a rate with more than one in the pipeline"
            )
        }
        if case .postgres = target, pipeline > 1 {
            throw LoadTestError("a connection of libpq is asked one request at a time: leave the pipeline at 1")
        }
    }

    /// What is left to a ring is not moved before it is answered: at a rate the next request would not wait for that.
    private var canUseRing: Bool {
        if case .postgres = target { return false }
        return rate == nil || pipeline == 1
    }

    /// The ring of one thread, or nil where the sockets are read and written one by one.
    ///
    /// - Throws: where a ring is asked for and cannot be made.
    func ring(
        _ make: () throws(LoadTestError) -> SocketRing = { () throws(LoadTestError) in try SocketRing() }
    ) throws(LoadTestError) -> SocketRing? {
        guard canUseRing else { return nil }
        switch io {
        case .readiness: return nil
        case .ring: return try make()
        case .automatic: return try? make()
        }
    }
}
