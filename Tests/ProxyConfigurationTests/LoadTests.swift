import Foundation
import Testing

@testable import ProxyConfiguration

@Suite struct LoadTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).conf").path(percentEncoded: false)
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func refusal(_ path: String) -> String {
        do throws(ConfigurationErrors) {
            _ = try ProxyConfiguration.load(file: path, environment: [:])
            return ""
        } catch {
            return error.description
        }
    }

    @Test func readsAFile() throws {
        try withFile(Array("[redis]\nurl = ''\n".utf8)) { path in
            let configuration = try ProxyConfiguration.load(file: path, environment: ["CISTERN_LOG_LEVEL": "debug"])
            #expect(!configuration.redis.isEnabled)
            #expect(configuration.log.level == .debug)
        }
    }

    @Test func errorsNameTheFile() throws {
        try withFile(Array("x = 1".utf8)) { path in
            #expect(refusal(path) == "\(path):1:1: x: stands in no section")
        }
    }

    @Test func aMissingFileIsAnErrorThatNamesIt() {
        #expect(refusal("/nowhere/proxy.conf") == "/nowhere/proxy.conf: cannot be opened: No such file or directory")
    }

    @Test func aFolderIsNoFile() {
        #expect(refusal("/").hasPrefix("/: cannot be read: "))
    }

    @Test func aFileMustBeText() throws {
        try withFile(Array("a\né".utf8) + [0xFF] + Array("x".utf8)) { path in
            #expect(refusal(path) == "\(path):2:2: is not UTF-8 text")
        }
    }

    @Test func anEndlessFileIsGivenUp() {
        #expect(refusal("/dev/zero") == "/dev/zero: is larger than 4MB, which no configuration is")
    }
}
