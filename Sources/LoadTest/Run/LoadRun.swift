internal import Foundation
internal import NIOCore
internal import Synchronization

/// Carries out one plan.
package struct LoadRun: Sendable {
    private static let redisKeys = "cistern:bench:"

    private let plan: LoadPlan
    private let progress = LoadProgress()
    private let onProgress: @Sendable (LoadProgressLine) -> Void

    /// - Parameter onProgress: called about once a second.
    package init(_ plan: LoadPlan, onProgress: @escaping @Sendable (LoadProgressLine) -> Void = { _ in }) {
        self.plan = plan
        self.onProgress = onProgress
    }

    /// Connects, warms up, measures, and closes.
    ///
    /// - Throws: ``LoadTestError`` where the plan contradicts itself, the server cannot be reached, or a connection breaks.
    package func run() async throws(LoadTestError) -> LoadResult {
        try plan.check()
        raiseDescriptorLimit()
        var target = plan.target
        var canned: CannedServer?
        if case .canned(let bytes) = target {
            let server = try CannedServer(answerBytes: bytes, plan)
            canned = server
            target = .cistern(server.address)
        }
        defer { canned?.stop() }
        let idle = try idleConnections(target)
        defer { for descriptor in idle { closeDescriptor(descriptor) } }
        if case .redis(let address, let bytes) = target { try await fillRedis(address, bytes) }
        let telling = Task { await tellProgress() }
        defer { telling.cancel() }
        let processorTimeBefore = processorTime()
        var results: [WorkerResult] = []
        for result in await outcomes(target) { results.append(try result.get()) }
        return LoadResult(plan, results, processorTime: processorTime() - processorTimeBefore)
    }

    private func outcomes(_ target: LoadTarget) async -> [Result<WorkerResult, LoadTestError>] {
        await withTaskGroup(of: Result<WorkerResult, LoadTestError>.self) { group in
            for thread in 0..<plan.threads {
                let share = plan.share(of: thread)
                group.addTask { await onThread { () throws(LoadTestError) in try work(share, target) } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func idleConnections(_ target: LoadTarget) throws(LoadTestError) -> [Int32] {
        guard plan.idleConnections > 0 else { return [] }
        var descriptors: [Int32] = []
        switch target {
        case .cistern(let address), .redis(let address, _):
            for _ in 0..<plan.idleConnections { descriptors.append(try connectedSocket(to: address)) }
        case .postgres, .canned: throw LoadTestError("idle connections can be opened to cistern and redis only")
        }
        return descriptors
    }

    private func tellProgress() async {
        let start = monotonicNow()
        var last = 0
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
            let answers = progress.answers
            onProgress(
                LoadProgressLine(
                    seconds: Double(monotonicNow() - start) / 1e9,
                    requestsPerSecond: answers - last,
                    errors: progress.errors
                )
            )
            last = answers
        }
    }

    // MARK: On the threads

    private func work(_ share: LoadPlan, _ target: LoadTarget) throws(LoadTestError) -> WorkerResult {
        let requests = share.scenario.used
        switch target {
        case .cistern(let address):
            let templates = requests.map { RequestTemplate(line: $0) }
            return try drive(share, try streams(share, address, templates) as [StreamConnection<LineScanner>])
        case .redis(let address, let bytes):
            let value = Self.redisValue(bytes)
            let templates = requests.map { RequestTemplate(redis: $0, keyPrefix: Self.redisKeys, value: value) }
            return try drive(share, try streams(share, address, templates) as [StreamConnection<RESPScanner>])
        case .postgres(let url, let usesSimpleProtocol):
            let statements = requests.enumerated().map { PostgresLoadConnection.Statement($1, number: $0) }
            var connections: [PostgresLoadConnection] = []
            for _ in 0..<share.connections {
                connections.append(
                    try PostgresLoadConnection(
                        url: url,
                        statements: statements,
                        usesSimpleProtocol: usesSimpleProtocol
                    )
                )
            }
            return try drive(share, connections)
        case .canned: throw LoadTestError("the canned server has no address yet")
        }
    }

    private func streams<Scanner: AnswerScanner>(
        _ share: LoadPlan,
        _ address: HostAndPort,
        _ templates: [RequestTemplate]
    ) throws(LoadTestError) -> [StreamConnection<Scanner>] {
        let memory = StreamMemory()
        var connections: [StreamConnection<Scanner>] = []
        for _ in 0..<share.connections {
            connections.append(
                StreamConnection(
                    descriptor: try connectedSocket(to: address),
                    templates: templates,
                    pipeline: share.pipeline,
                    memory: memory
                )
            )
        }
        return connections
    }

    private func drive<Connection: LoadConnection>(
        _ share: LoadPlan,
        _ connections: [Connection]
    ) throws(LoadTestError) -> WorkerResult {
        let worker = try Worker(
            connections,
            pipeline: share.pipeline,
            choice: RequestChoice(share.scenario.used, writes: share.scenario.writes),
            keys: KeyChoice(count: share.scenario.keys, exponent: share.scenario.zipf),
            seed: share.seed,
            progress: progress,
            ring: try share.ring()
        )
        if share.preloads { try worker.ask(for: 1...share.scenario.keys) }
        if let rate = share.rate {
            return try worker.runOpen(rate: rate, warmUp: share.warmUp, duration: share.duration)
        }
        return try worker.runClosed(warmUp: share.warmUp, duration: share.duration)
    }

    // MARK: Redis

    private static func redisValue(_ bytes: Int) -> String { String(repeating: "x", count: bytes) }

    /// Stores a value under each key.
    private func fillRedis(_ address: HostAndPort, _ bytes: Int) async throws(LoadTestError) {
        let plan = plan
        let filled: Result<Void, LoadTestError> = await onThread { () throws(LoadTestError) in
            let template = RequestTemplate.redisFill(keyPrefix: Self.redisKeys, value: Self.redisValue(bytes))
            var share = plan
            share.connections = 1
            share.pipeline = 100
            let worker = try Worker(
                try streams(share, address, [template]) as [StreamConnection<RESPScanner>],
                pipeline: 100,
                choice: RequestChoice([], writes: 0),
                keys: KeyChoice(count: 1, exponent: 0),
                seed: 1,
                progress: LoadProgress()
            )
            try worker.ask(for: 1...plan.scenario.keys)
            if let error = worker.firstError { throw LoadTestError("Redis: \(error)") }
        }
        try filled.get()
    }
}

/// Runs a body that waits in system calls on a thread of its own, which Swift's own threads must not do.
private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(LoadTestError) -> Value
) async -> Result<Value, LoadTestError> {
    await withCheckedContinuation { continuation in
        let thread = Thread {
            do throws(LoadTestError) {
                continuation.resume(returning: .success(try body()))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        thread.stackSize = 1 << 20
        thread.start()
    }
}

extension LoadPlan {
    /// What one of the threads does.
    fileprivate func share(of thread: Int) -> LoadPlan {
        var share = self
        share.connections = connections / threads + (thread < connections % threads ? 1 : 0)
        share.rate = rate.map { $0 * Double(share.connections) / Double(connections) }
        share.seed = seed &+ UInt64(thread) &* 0x9E37_79B9
        share.preloads = preloads && thread == 0
        return share
    }
}

extension Scenario {
    /// The requests that are sent at all, one that reads first where there is one.
    var used: [Request] { (writes < 1 ? reads : []) + (writes > 0 ? writing : []) }
}

/// How a run goes.
package struct LoadProgressLine: Sendable {
    package var seconds: Double
    package var requestsPerSecond: Int
    package var errors: Int
}
