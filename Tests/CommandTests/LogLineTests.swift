import JSONText
import Logging
import Testing

@testable import ProxyConfiguration
@testable import cistern

@Suite struct LogLineTests {
    private static func line(
        _ message: String,
        _ metadata: [(key: String, value: Logger.Metadata.Value)] = []
    ) -> LogLine {
        LogLine(time: "T", level: .warning, label: "redis", message: message, metadata: metadata)
    }

    @Test func text() {
        let line = Self.line("Redis is away", [("port", "6379"), ("reason", "no \"route\""), ("none", "")])
        #expect(line.text == #"T warning redis: Redis is away port=6379 reason="no \"route\"" none="""# + "\n")
    }

    /// Whatever somebody puts into a statement or an error, it stays one line and moves no cursor.
    @Test(arguments: ["a\nb", "a\r\nb", "\u{1B}[2J", "a\u{2028}b", "\0", "\u{85}", "é\u{7F}"])
    func oneLine(hostile: String) throws {
        for line in [Self.line(hostile), Self.line("m", [("k", "\(hostile)")]), Self.line("m", [(hostile, "v")])] {
            let isPlain = line.text.dropLast().unicodeScalars.allSatisfy {
                $0 >= " " && !("\u{7F}"..."\u{9F}").contains($0) && $0 != "\u{2028}"
            }
            #expect(isPlain)
            #expect(line.json.hasSuffix("}\n") && line.json.dropLast().unicodeScalars.allSatisfy { $0 >= " " })
            _ = try JSONValue(parsing: String(line.json.dropLast()))
        }
    }

    @Test func json() throws {
        let line = Self.line("m", [("level", "mine"), ("list", ["a", ["b": "c"]])])
        let value = try JSONValue(parsing: String(line.json.dropLast()))
        #expect(value["time"]?.string == "T")
        #expect(value["level"]?.string == "warning")
        #expect(value["metadata_level"]?.string == "mine")
        #expect(value["list"] == .array([.string("a"), .object([("b", .string("c"))])]))
    }

    /// A level that is reloaded counts for loggers that were made before.
    @Test func reloadedLevels() {
        var settings = ProxyConfiguration.Log()
        settings.levels = [.redis: .error]
        let output = LogOutput(settings)
        let redis = output.handler(label: "redis")
        let line = output.handler(label: "line")
        var own = output.handler(label: "line")
        own.logLevel = .trace
        #expect([redis.logLevel, line.logLevel, own.logLevel] == [.error, .info, .trace])
        settings.level = .debug
        settings.levels = [.line: .critical]
        settings.format = .json
        output.reload(settings)
        #expect([redis.logLevel, line.logLevel, own.logLevel] == [.debug, .critical, .trace])
        #expect(output.isJSON)
        #expect(output.handler(label: "hummingbird").logLevel == .debug)
    }
}
