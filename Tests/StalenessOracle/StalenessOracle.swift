import ArgumentParser
import Foundation

/// Looks for stale reads. See ``History`` for what counts as one.
@main
struct StalenessOracle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "staleness-oracle",
        abstract: "Read and write through four proxies, and look for reads that are older than they may be.",
        discussion: """
            It starts a Redis and the proxies itself, and makes a schema of its own in the database that \
            CISTERN_TEST_POSTGRES names. It ends with 0 if nothing was stale; with --without-guard, if something was.
            """
    )

    @Option(help: "The cistern executable; by default the one beside this program.")
    var cistern: String?

    @Option(help: "Seconds to go on for at most, faults and all.")
    var seconds = 10.0

    @Option(help: "End as soon as so many reads have been made, and not before, --seconds or not.")
    var reads: Int?

    @Flag(help: "Kill and cut at random.")
    var faults = false

    @Option(help: "Switch a guard of the proxies off; then something stale must be found.")
    var withoutGuard: [String] = []

    @Option(help: "For the random generators.")
    var seed: UInt64 = .random(in: 0...UInt64(UInt32.max))

    @Option(help: "Writes a second, of all writers together.")
    var writes = 60.0

    @Flag(help: "Leave the proxies' and Redis's logs, with more in them.")
    var keepLogs = false

    @Option(help: "Connections to each proxy that read.")
    var readers = 10

    func run() async throws {
        guard let database = ProcessInfo.processInfo.environment["CISTERN_TEST_POSTGRES"] else {
            throw ValidationError("CISTERN_TEST_POSTGRES must name a database; scripts/with-servers sets it")
        }
        let examination = Examination(
            program: try cistern ?? Self.neighbour,
            database: database,
            seconds: seconds,
            reads: reads,
            faults: faults ? .all : withoutGuard.lazy.compactMap(Self.faults).first,
            guardsOff: withoutGuard,
            intensity: Load.Intensity(readersPerProxy: readers, writes: writes),
            seed: seed,
            keepsLogs: keepLogs
        )
        print("staleness-oracle --seed \(seed)")
        let signals = endChildrenOnSignals()
        defer { for signal in signals { signal.cancel() } }
        let report: Report
        do {
            report = try await examination.run()
        } catch {
            ChildProcess.killAll()
            FileHandle.standardError.write(Data("staleness-oracle: \(error)\n".utf8))
            throw ExitCode(2)
        }
        print(report.text)
        let isAsExpected = withoutGuard.isEmpty ? report.tally.stale == 0 : report.tally.stale > 0
        if !isAsExpected { throw ExitCode.failure }
    }

    /// Some guards keep something away only while something is broken.
    private static func faults(for guardOff: String) -> FaultPlan.Kind? {
        switch guardOff {
        case "drops-memory-after-subscribing": .subscriptions
        case "queues-invalidations": .pauses
        default: nil
        }
    }

    private static var neighbour: String {
        get throws {
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let program = URL(filePath: own).deletingLastPathComponent().appending(path: "cistern").path
            guard FileManager.default.isExecutableFile(atPath: program) else {
                throw ValidationError("there is no \(program); build it, or name one with --cistern")
            }
            return program
        }
    }

    private func endChildrenOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { (number: Int32) in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                ChildProcess.killAll()
                Foundation.exit(128 + number)
            }
            source.resume()
            return source
        }
    }
}
