import Foundation
import NIOCore
import NIOPosix
import RedisClient
import Testing

/// A redis-server of a test's own, which it may stop, pause and start again.
actor OwnRedisServer {
    nonisolated let port: Int
    nonisolated let folder: URL
    private let arguments: [String]
    private var process: Process?

    nonisolated var url: String { "redis://127.0.0.1:\(port)" }

    static func withServer<Result: Sendable>(
        _ arguments: @Sendable (_ port: Int, _ folder: URL) throws -> [String] = { port, _ in ["--port", "\(port)"] },
        _ body: @Sendable (OwnRedisServer) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cistern-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try await freePort()
        let server = OwnRedisServer(port: port, folder: folder, arguments: try arguments(port, folder))
        try await server.start()
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    private init(port: Int, folder: URL, arguments: [String]) {
        self.port = port
        self.folder = folder
        self.arguments = arguments
    }

    /// Does not wait until the server listens: clients do that.
    func start() throws {
        let program = try #require(Tool.url(of: "redis-server"))
        let process = Process()
        process.executableURL = program
        process.arguments =
            arguments + ["--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "no"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    /// It answers nobody any more, and nobody is told.
    func suspend() {
        if let process { kill(process.processIdentifier, SIGSTOP) }
    }

    func resume() {
        if let process { kill(process.processIdentifier, SIGCONT) }
    }

    /// Ends it at once. It inherits the signal mask of the thread that started it, which may keep milder signals from it.
    func stop() async {
        guard let process else { return }
        self.process = nil
        await withCheckedContinuation { continuation in
            process.terminationHandler = { _ in continuation.resume() }
            kill(process.processIdentifier, SIGKILL)
        }
    }

    /// In the stopped server's place, closes what connects until so many have been turned away.
    func refuse(attempts: Int) async throws {
        let (refused, told) = AsyncStream.makeStream(of: Void.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                told.yield()
                return channel.close()
            }
            .bind(host: "127.0.0.1", port: port).get()
        var rest = attempts
        for await _ in refused {
            rest -= 1
            if rest == 0 { break }
        }
        try await listener.close()
    }

    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        return port
    }
}

/// Programs that a test needs.
enum Tool {
    static func url(of name: String) -> URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").lazy
            .map { URL(filePath: String($0)).appending(path: name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    static func run(_ name: String, _ arguments: [String], in folder: URL) throws {
        let program = try #require(url(of: name))
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(name) failed")
    }
}
