import Foundation
import NIOCore
import NIOPosix
import ProcessSupport
import Synchronization
import Testing

/// A server's process, which its test may stop and start again.
private final class RestartableProcess: Sendable {
    private let current = Mutex<ChildProcess?>(nil)

    func replace(_ process: ChildProcess?) { current.withLock { $0 = process } }
    var process: ChildProcess? { current.withLock { $0 } }
}

func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(channel.localAddress?.port)
    try await channel.close()
    return port
}

/// A redis-server of a test's own. What it has saved by SAVE it loads when it starts again.
struct OwnRedis: Sendable {
    let port: Int
    let folder: URL
    private let primary: Int?
    private let running = RestartableProcess()

    var url: String { "redis://127.0.0.1:\(port)/0" }

    /// - Parameter primary: the port of the server that it is a replica of.
    init(in folder: URL, replicaOf primary: Int? = nil) async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.folder = folder
        self.primary = primary
        self.port = try await freePort()
        try await start()
    }

    func start() async throws {
        let process = try ChildProcess(
            "redis-server",
            [
                "--bind", "127.0.0.1", "--port", "\(port)", "--dir", folder.path, "--save", "", "--appendonly", "no",
                "--repl-diskless-sync-delay", "0",
            ] + (primary.map { ["--replicaof", "127.0.0.1 \($0)"] } ?? []),
            logFile: folder.appending(path: "redis.log")
        )
        running.replace(process)
        let answers = try await eventually(within: .seconds(10)) {
            try await Redis.reply(port: port, "PING") == "+PONG"
        }
        guard answers else { throw ChildProcess.Failure(description: "redis-server: \(process.log)") }
    }

    /// Ends it at once; nothing is saved.
    func stop() async {
        await running.process?.killNow()
    }

    /// SIGSTOP makes it hang, SIGCONT go on.
    func send(signal: Int32) {
        running.process?.send(signal: signal)
    }

    func reply(_ command: String) async throws -> String {
        try #require(try await Redis.reply(port: port, command), "Redis does not answer")
    }

    /// The keys that match a glob.
    func keys(matching glob: String) async throws -> [String] {
        let client = try await LineClient.connect(port: port)
        let count = try #require(Int(try await client.exchange("KEYS \(glob)").dropFirst().filter(\.isNumber)))
        var names: [String] = []
        for _ in 0..<count {
            _ = try await client.nextLine()
            names.append(try await client.nextLine().filter { $0 != "\r" })
        }
        await client.close()
        return names
    }
}

enum Redis {
    /// The server that the tests were started with.
    static var url: String {
        get throws { try #require(ProcessInfo.processInfo.environment["CISTERN_TEST_REDIS"], "no Redis") }
    }

    /// The first line of the reply to a command without spaces in its words; nil where nobody answers.
    static func reply(port: Int, _ command: String) async throws -> String? {
        guard let client = try? await LineClient.connect(port: port) else { return nil }
        let reply = try? await client.exchange(command, within: .seconds(5))
        await client.close()
        return reply.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
    }

    /// On the server that the tests were started with.
    static func reply(_ command: String) async throws -> String {
        let port = try #require(URLComponents(string: try url)?.port)
        return try #require(try await reply(port: port, command), "Redis does not answer")
    }
}

/// A PostgreSQL cluster of a test's own.
struct OwnPostgres: Sendable {
    let port: Int
    private let folder: URL
    private let programs: String

    var url: String { "host=127.0.0.1 port=\(port) user=cistern dbname=postgres" }
    private var data: String { folder.appending(path: "data").path }

    init(in parent: URL) async throws {
        programs = try #require(ProcessInfo.processInfo.environment["CISTERN_TEST_PG_BIN"], "no CISTERN_TEST_PG_BIN")
        port = try await freePort()
        folder = parent.appending(path: "postgres")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if getuid() == 0 {
            try await ChildProcess.run("chmod", ["755", parent.path])
            try await ChildProcess.run("chown", ["postgres:", folder.path])
        }
        try await run(
            "initdb",
            ["-D", data, "-U", "cistern", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        )
        try await start()
    }

    func start() async throws {
        let options = "-c listen_addresses=127.0.0.1 -c port=\(port) -c unix_socket_directories= -c fsync=off"
        try await run("pg_ctl", ["-D", data, "-l", "\(data)/log", "-w", "-o", options, "start"])
    }

    func stop() async throws {
        try await run("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"])
    }

    /// PostgreSQL refuses to run as root.
    private func run(_ program: String, _ arguments: [String]) async throws {
        let command = ["\(programs)/\(program)"] + arguments
        let prefix =
            getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : []
        let words = prefix + command
        try await ChildProcess.run(words[0], Array(words.dropFirst()))
    }
}

extension Redis {
    /// How often a command was called since the last `CONFIG RESETSTAT`.
    static func commandCalls(port: Int, _ command: String) async throws -> Int {
        let client = try await LineClient.connect(port: port)
        var line = try await client.exchange("INFO commandstats")
        // The reply's length comes first; a line without a colon or a title is none of its own.
        while !line.hasPrefix("# Commandstats") { line = try await client.nextLine() }
        var calls = 0
        while line.count > 1 {
            line = (try? await client.nextLine(within: .milliseconds(200))) ?? ""
            guard line.hasPrefix("cmdstat_\(command):calls=") else { continue }
            calls = Int(line.dropFirst("cmdstat_\(command):calls=".count).prefix(while: \.isNumber)) ?? 0
        }
        await client.close()
        return calls
    }
}
