internal import ArgumentParser
internal import Foundation
internal import ProxyConfiguration

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the effective configuration, or everything that is wrong with it.",
        discussion: "Reads the file and the environment as `serve` would. Secrets are masked."
    )

    @Argument(help: "The configuration file; without it, the defaults and the environment.")
    var file: String?

    func run() throws {
        let configuration = try loadConfiguration(file)
        print(configuration.effectiveText, terminator: "")
    }
}

/// The configuration, or an end with everything that is wrong with it on standard error.
func loadConfiguration(_ file: String?) throws -> ProxyConfiguration {
    do throws(ConfigurationErrors) {
        return try ProxyConfiguration.load(file: file, environment: ProcessInfo.processInfo.environment)
    } catch {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
        throw ExitCode.configuration
    }
}
