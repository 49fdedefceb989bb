internal import ArgumentParser
internal import Dispatch
internal import JSONText
internal import ProxyConfiguration

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch a server: rates, hit rate, pool, Redis, namespaces, queries.",
        discussion: """
            Keys: q quits, s sorts namespaces by another column, the arrows scroll. Queries and latencies come from the server's \
            HTTP port, the rest from the line protocol, so it works while that port is closed. With --json each sample is \
            printed as one line.
            """
    )

    @OptionGroup var options: ServerOptions
    @OptionGroup var admin: AdminOptions

    @Option(help: ArgumentHelp("Seconds between two samples.", valueName: "seconds"))
    var interval = 1.0

    @Flag(help: "Print one frame, of the figures between two samples, and end.")
    var once = false

    func validate() throws {
        guard (0.1...3600).contains(interval) else { throw ValidationError("--interval must be from 0.1 to 3600") }
    }

    func run() async throws {
        try await options.run { connection in
            if once { return try await printOnce(connection) }
            if options.json {
                while true {
                    StandardOutput.line(try await sample(connection).text)
                    try await Task.sleep(for: .seconds(interval))
                }
            }
            guard let terminal = TopTerminal() else {
                throw CommandFailure("top needs a terminal; --once prints one frame", .validationFailure)
            }
            await watch(connection, terminal)
            terminal.restore()
        }
    }

    private func printOnce(_ connection: ServerConnection) async throws {
        let first = try await sample(connection)
        if options.json { return StandardOutput.line(first.text) }
        let latency = await latency()
        try await Task.sleep(for: .seconds(interval))
        var frame = TopFrame(address: connection.address, now: TopSample(try await sample(connection).value))
        frame.before = TopSample(first.value)
        frame.latencyBefore = latency
        frame.latency = await self.latency()
        frame.queries = await queries()
        frame.paint = options.paint
        StandardOutput.write(frame.text)
    }

    private func sample(_ connection: ServerConnection) async throws -> Answer {
        try Answer(try await connection.ask(#"{"op":"stats"}"#))
    }

    private func latency() async -> TopLatency? {
        let client = try? admin.client(environment: ProxyConfiguration.processEnvironment)
        guard let text = try? await client?.get("/metrics") else { return nil }
        return TopLatency(metrics: text)
    }

    private func queries() async -> JSONValue? {
        let client = try? admin.client(environment: ProxyConfiguration.processEnvironment)
        return try? await client?.json("/api/v1/queries?limit=30").value
    }

    /// Until somebody has seen enough. A server that goes away is shown, and looked for again.
    private func watch(_ first: ServerConnection, _ terminal: TopTerminal) async {
        var connection: ServerConnection? = first
        var frame: TopFrame?
        var isDone = false
        while !isDone {
            do {
                if connection == nil { connection = try await ServerConnection.open(first.address) }
                guard let open = connection else { continue }
                let now = TopSample(try await sample(open).value)
                let queries = await queries()
                let latency = await latency()
                var next = frame ?? TopFrame(address: first.address, now: now)
                if frame != nil { next.before = next.now }
                (next.now, next.queries, next.problem) = (now, queries, nil)
                (next.latencyBefore, next.latency) = (next.latency, latency)
                frame = next
            } catch {
                await connection?.close()
                connection = nil
                frame?.problem = ((error as? CommandFailure)?.message ?? "\(error)").replacing("\n", with: "  ")
            }
            isDone = await handleKeys(&frame, terminal)
        }
        await connection?.close()
    }

    /// Shows the frame and answers keys until the next sample is due.
    ///
    /// - Returns: whether to end.
    private func handleKeys(_ frame: inout TopFrame?, _ terminal: TopTerminal) async -> Bool {
        let end = ContinuousClock.now + .seconds(interval)
        while true {
            let size = terminal.size
            frame?.width = size.width
            frame?.height = size.height
            frame?.paint = options.paint
            if let frame { terminal.show(frame.text) }
            let left = max(.zero, ContinuousClock.now.duration(to: end))
            let glance = left < .milliseconds(250) ? Int32(left.components.attoseconds / 1_000_000_000_000_000) : 250
            let keys = await onThread { terminal.keys(within: glance) }
            if keys.contains(.quit) { return true }
            for key in keys { frame?.press(key) }
            if ContinuousClock.now >= end { return false }
        }
    }

    /// Waiting for a key must not hold one of the few threads that everything else runs on.
    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}
