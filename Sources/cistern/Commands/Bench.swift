internal import ArgumentParser
internal import Foundation
internal import LoadTest

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a server under load, and print its rate and latencies.",
        discussion: """
            Without --rate each connection sends its next requests when the last are answered (a closed loop). With --rate \
            requests are due at equal distances whatever the answers take, and a latency counts from when its request was due.

            Targets: cistern; redis (GET of values of the same size); postgres (libpq; also a pool before it); canned (a server \
            in this process that answers without doing anything, to see what the generator itself can make).
            """
    )

    enum Target: String, ExpressibleByArgument, CaseIterable {
        case cistern, redis, postgres, canned
    }

    enum PostgresProtocol: String, ExpressibleByArgument, CaseIterable {
        case prepared, simple
    }

    @Option(help: "What is put under load.")
    var target = Target.cistern

    @Option(help: ArgumentHelp("The address of cistern or redis.", valueName: "host:port"))
    var server: String?

    @Option(help: ArgumentHelp("The libpq connection string of PostgreSQL or a pool.", valueName: "string"))
    var postgres = ""

    @Option(name: .customLong("protocol"), help: "How PostgreSQL is asked.")
    var postgresProtocol = PostgresProtocol.prepared

    @Option(help: ArgumentHelp("A scenario file; without it, one product by its key.", valueName: "file"))
    var scenario: String?

    @Option(help: "Keys are 1 to this; over the scenario's.")
    var keys: Int?

    @Option(help: "The Zipf exponent of the keys, 0 for all alike; over the scenario's.")
    var zipf: Double?

    @Option(help: "The share of requests that write, from 0 to 1; over the scenario's.")
    var writes: Double?

    @Option(name: [.short, .long], help: "Connections.")
    var connections = 50

    @Option(name: [.short, .long], help: "Requests that a connection sends before it waits for their answers.")
    var pipeline = 1

    @Option(name: [.short, .long], help: "Requests a second, whatever the answers take.")
    var rate: Double?

    @Option(help: "Threads of the generator.")
    var threads = 1

    @Option(
        help: "How connections are read and written: io_uring takes the least time, and not every kernel allows it."
    )
    var io = SocketIO.automatic

    @Option(name: [.short, .long], help: "Seconds that are measured.")
    var duration = 10.0

    @Option(help: "Seconds before, which are not counted.")
    var warmUp = 2.0

    @Flag(help: "Ask for every key once before the warm-up.")
    var preload = false

    @Option(help: "Further connections that say nothing.")
    var idle = 0

    @Option(help: "The size of an answer of redis and canned, in bytes.")
    var valueBytes = 300

    @Option(help: "Where the random numbers start.")
    var seed: UInt64 = 1

    @Option(help: "The name under which the result is shown.")
    var label: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Option(help: ArgumentHelp("Write an HTML page with a plot of the latencies.", valueName: "file"))
    var report: String?

    @Flag(help: "Print no progress.")
    var quiet = false

    func run() async throws {
        let plan = try plan()
        let isQuiet = quiet
        do {
            var result: LoadResult = try await LoadRun(plan, onProgress: { line in if !isQuiet { show(line) } }).run()
            if let label { result.label = label }
            if let report { try write(ReportPage(result).html, to: report) }
            print(json ? result.json : result.table, terminator: json ? "\n" : "")
        } catch {
            complain(error.description)
            throw ExitCode.unavailable
        }
    }

    private func write(_ text: String, to path: String) throws(LoadTestError) {
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
            throw LoadTestError("\(path) cannot be written")
        }
    }

    private func plan() throws -> LoadPlan {
        do {
            var plan = LoadPlan(target: try loadTarget())
            if let scenario {
                guard let data = FileManager.default.contents(atPath: scenario) else {
                    throw LoadTestError("cannot be read")
                }
                plan.scenario = try ScenarioReader.scenario(from: String(decoding: data, as: UTF8.self))
            }
            plan.scenario.keys = keys ?? plan.scenario.keys
            plan.scenario.zipf = zipf ?? plan.scenario.zipf
            plan.scenario.writes = writes ?? plan.scenario.writes
            plan.connections = connections
            plan.idleConnections = idle
            plan.pipeline = pipeline
            plan.rate = rate
            plan.threads = threads
            plan.io = io
            plan.duration = duration
            plan.warmUp = warmUp
            plan.preloads = preload
            plan.seed = seed
            try plan.check()
            return plan
        } catch let error as LoadTestError {
            throw ValidationError(scenario.map { "\($0): \(error.description)" } ?? error.description)
        }
    }

    private func loadTarget() throws -> LoadTarget {
        switch target {
        case .cistern: return .cistern(try address(defaultPort: 7432))
        case .redis: return .redis(try address(defaultPort: 6379), valueBytes: valueBytes)
        case .postgres: return .postgres(postgres, usesSimpleProtocol: postgresProtocol == .simple)
        case .canned: return .canned(answerBytes: valueBytes)
        }
    }

    private func address(defaultPort: Int) throws -> HostAndPort {
        guard let server else { return HostAndPort(host: "127.0.0.1", port: defaultPort) }
        guard let address = HostAndPort(server) else {
            throw ValidationError("--server must be host:port, such as 127.0.0.1:7432")
        }
        return address
    }
}

extension SocketIO: ExpressibleByArgument {}

private func show(_ line: LoadProgressLine) {
    let text = "\(Int(line.seconds.rounded())) s  \(line.requestsPerSecond) requests/s  \(line.errors) failed\n"
    FileHandle.standardError.write(Data(text.utf8))
}
