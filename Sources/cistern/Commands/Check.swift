internal import ArgumentParser
internal import JSONText
internal import PostgresClient
internal import ProxyConfiguration
internal import RedisClient

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the effective configuration, or everything that is wrong with it.",
        discussion: """
            Reads the file and the environment as `serve` would, and connects to nothing. Secrets are masked. With --json it \
            prints one object: "ok", and "configuration" (as text), or "errors" with line, column, key and message.
            """
    )

    @Argument(
        help: "The configuration file; without it, the defaults and the environment.",
        completion: .file()
    )
    var file: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        do throws(ConfigurationErrors) {
            let text = try ProxyConfiguration.loadChecked(file).effectiveText
            if json {
                StandardOutput.line(JSONValue.object([("ok", .bool(true)), ("configuration", .string(text))]).jsonText)
            } else {
                StandardOutput.write(text)
            }
        } catch {
            if json {
                StandardOutput.line(error.json.jsonText)
            } else {
                StandardError.write("\(error)\n")
            }
            throw ExitCode.configuration
        }
    }
}

extension ProxyConfiguration {
    /// The configuration of a file and of the process's environment, with everything looked at that can be without
    /// connecting.
    static func loadChecked(
        _ file: String?,
        environment: [String: String] = processEnvironment
    ) throws(ConfigurationErrors) -> ProxyConfiguration {
        let checks = ConnectionChecks(
            postgres: { PostgresConfiguration.problem(inURL: $0) },
            redis: { url in
                do throws(RedisURLError) {
                    _ = try RedisConfiguration(url: url)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
        )
        return try load(file: file, environment: environment, checks: checks)
    }
}

extension ConfigurationErrors {
    fileprivate var json: JSONValue {
        let list = errors.map { error in
            var members: [(key: String, value: JSONValue)] = []
            if let line = error.line { members.append(("line", .number("\(line)"))) }
            if let column = error.column { members.append(("column", .number("\(column)"))) }
            members += [("key", .string(error.key)), ("message", .string(error.message))]
            return JSONValue.object(members)
        }
        let file = fileName.map { JSONValue.string($0) } ?? .null
        return .object([("ok", .bool(false)), ("file", file), ("errors", .array(list))])
    }
}
