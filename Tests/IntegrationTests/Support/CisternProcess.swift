import Foundation
import JSONText
import ProcessSupport
import Testing

/// A `cistern serve` of a test's own, on a port that the system chose.
struct CisternProcess: Sendable {
    let process: ChildProcess
    let port: Int
    /// What PostgreSQL and Redis, where asked, know it by.
    let name: String

    var log: String { process.log }

    /// The executable stands beside the tests.
    static var program: String {
        get throws {
            let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "cistern").path
            try #require(FileManager.default.isExecutableFile(atPath: program), "build the product cistern first")
            return program
        }
    }

    /// - Parameter variables: over those of the tests, of which none that configures a proxy is handed down.
    static func launch(_ arguments: [String], _ variables: [String: String], logFile: URL) throws -> ChildProcess {
        // A library that is loaded first and adds variables moves the environment, by which a Swift program finds its
        // arguments; behind `env`, which becomes the program, it has nothing left to add.
        let words = try (variables["LD_PRELOAD"] == nil ? [] : ["/usr/bin/env"]) + [program] + arguments
        return try ChildProcess(
            words[0],
            Array(words.dropFirst()),
            environment: environmentForProxy(adding: variables),
            logFile: logFile
        )
    }

    /// Waits until it listens.
    static func start(
        name: String,
        _ variables: [String: String],
        arguments: [String],
        logFile: URL
    ) async throws -> CisternProcess {
        var variables = variables
        variables["CISTERN_LISTEN_LINE"] = variables["CISTERN_LISTEN_LINE"] ?? "127.0.0.1:0"
        let process = try launch(["serve"] + arguments, variables, logFile: logFile)
        var port: Int?
        let isListening = try await eventually(within: .seconds(15)) {
            port = Self.port(in: process.log)
            return port != nil || process.ended != nil
        }
        guard isListening, let port else {
            await process.killNow()
            throw ChildProcess.Failure(description: "cistern does not listen; it said:\n\(process.log)")
        }
        return CisternProcess(process: process, port: port, name: name)
    }

    /// Its pages over HTTP, where `CISTERN_LISTEN_HTTP` is `127.0.0.1:0`.
    func admin() async throws -> AdminClient {
        var port: Int?
        let isServing = try await eventually(within: .seconds(10)) {
            port = Self.port(in: process.log, behind: "serving metrics and health over HTTP")
            return port != nil
        }
        return AdminClient(port: try #require(isServing ? port : nil, "\(process.log)"))
    }

    /// `… listening … address=127.0.0.1:41234 …`
    private static func port(in log: String, behind message: String = "listening") -> Int? {
        guard let line = log.split(separator: "\n").first(where: { $0.contains(message) }),
            let address = line.firstRange(of: "127.0.0.1:")
        else { return nil }
        return Int(line[address.upperBound...].prefix(while: \.isNumber))
    }

    func client() async throws -> LineClient {
        try await LineClient.connect(port: port)
    }

    /// Waits until it has everything that it will use: PostgreSQL, Redis, and the proof that its channel is alive.
    func isReady() async throws -> Bool {
        let client = try await client()
        let isReady = try await eventually(within: .seconds(15)) {
            let stats = try await client.stats()
            let redis = stats["redis"]
            return stats["memory"]?["trusted"]?.bool == true && stats["postgres"]?["available"]?.bool == true
                && (stats["postgres"]?["connects"]?.int ?? 0) > 0
                && (redis?["configured"]?.bool == false || redis?["available"]?.bool == true)
        }
        await client.close()
        return isReady
    }

    /// Resident memory in bytes.
    var residentBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}
