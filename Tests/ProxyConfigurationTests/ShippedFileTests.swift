import Foundation
import Testing

@testable import ProxyConfiguration

/// The `proxy.conf` that is shipped is the manual: it must say what is true.
@Suite struct ShippedFileTests {
    private static let path = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "proxy.conf").path(percentEncoded: false)

    @Test func meansExactlyTheDefaults() throws {
        #expect(try ProxyConfiguration.load(file: Self.path, environment: [:]) == ProxyConfiguration())
    }

    /// Also the commented ones: taken out of their comments, they must be right.
    @Test func commentedKeysAreRightAsWell() throws {
        var text = try String(contentsOfFile: Self.path, encoding: .utf8)
        text = text.replacing("# database = 0", with: "database = 0")
        #expect(try parsed(text).redis.database == 0)
    }

    @Test func mentionsEveryKeyInItsSection() throws {
        var section = ""
        var found: Set<String> = []
        for line in try String(contentsOfFile: Self.path, encoding: .utf8).split(separator: "\n") {
            if line.first == "[", let end = line.firstIndex(of: "]") {
                section = String(line[line.index(after: line.startIndex)..<end])
            }
            let bare = line.hasPrefix("# ") ? line.dropFirst(2) : line
            if let equals = bare.firstRange(of: " = ") { found.insert("\(section).\(bare[..<equals.lowerBound])") }
        }
        for section in ConfigurationSchema.sections {
            for key in section.keys { #expect(found.contains("\(section.name).\(key.name)")) }
        }
        for key in ConfigurationSchema.namespace { #expect(found.contains("namespace.default.\(key.name)")) }
        for name in ProxyConfiguration.builtInTTLs.keys { #expect(found.contains("ttl.\(name)")) }
        #expect(found.contains("ttl.default"))
    }

    @Test func mentionsEverySharedVariable() throws {
        let text = try String(contentsOfFile: Self.path, encoding: .utf8)
        let variables = ConfigurationSchema.sections.flatMap(\.keys).compactMap(\.variable)
        #expect(variables.sorted() == ["DATABASE_URL", "REDIS_MAX_CONNECTIONS", "REDIS_SOCKET_TIMEOUT", "REDIS_URL"])
        for variable in variables { #expect(text.contains("# Also \(variable)")) }
    }
}
