import Foundation

/// A program of somebody else's that a test runs to its end, for what it prints.
enum Tool {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Debian's own, for which Debian's redis-py is; another may come first on the path.
    static var python: String {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") ? "/usr/bin/python3" : "python3"
    }

    static func output(_ program: String, _ arguments: [String]) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "cistern-tool-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = try ChildProcess(program, arguments, logFile: file)
        let end = try await process.waitForEnd(within: .seconds(60))
        guard end == .exited(0) else { throw Failure(description: "\(program): \(end)\n\(process.log)") }
        return process.log
    }

    /// What redis-cli prints for a command, without the line's end.
    static func redis(_ url: String, _ words: String...) async throws -> String {
        let text = try await output("redis-cli", ["-u", url] + words)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
