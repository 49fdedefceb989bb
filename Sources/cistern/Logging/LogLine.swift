internal import JSONText
internal import Logging
internal import NIOCore

/// One message of the log, for people or for programs. Whatever a message holds, it is one line.
struct LogLine {
    private static let ownMembers: Set<String> = ["time", "level", "logger", "message"]

    var time: String
    var level: Logger.Level
    var label: String
    var message: String
    /// In the order in which it is written.
    var metadata: [(key: String, value: Logger.Metadata.Value)]

    /// `2026-11-25T00:46:18.123Z warning redis: Redis is unavailable reason="connection reset"`
    var text: String {
        var line = "\(time) \(level.rawValue) \(label): \(Self.inOneLine(message))"
        for (key, value) in metadata { line += " \(Self.inOneLine(key))=\(Self.text(of: value))" }
        return line + "\n"
    }

    /// One object; metadata of a name that every line has gets a prefix.
    var json: String {
        var buffer = ByteBuffer(string: "{\"time\":")
        buffer.writeJSONString(time)
        for (name, text) in [("level", level.rawValue), ("logger", label), ("message", message)] {
            buffer.writeString(",\"\(name)\":")
            buffer.writeJSONString(text)
        }
        for (key, value) in metadata {
            buffer.writeStaticString(",")
            buffer.writeJSONString(Self.ownMembers.contains(key) ? "metadata_\(key)" : key)
            buffer.writeStaticString(":")
            Self.write(value, into: &buffer)
        }
        buffer.writeStaticString("}\n")
        return String(buffer: buffer)
    }

    private static func write(_ value: Logger.Metadata.Value, into buffer: inout ByteBuffer) {
        switch value {
        case .string(let text): buffer.writeJSONString(text)
        case .stringConvertible(let value): buffer.writeJSONString("\(value)")
        case .array(let values):
            buffer.writeStaticString("[")
            for (index, value) in values.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                write(value, into: &buffer)
            }
            buffer.writeStaticString("]")
        case .dictionary(let members):
            buffer.writeStaticString("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                buffer.writeJSONString(member.key)
                buffer.writeStaticString(":")
                write(member.value, into: &buffer)
            }
            buffer.writeStaticString("}")
        }
    }

    /// Bare where that is plain to read, else quoted.
    private static func text(of value: Logger.Metadata.Value) -> String {
        let text = "\(value)"
        let isBare =
            !text.isEmpty && text.unicodeScalars.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" && $0 != "\u{7F}" }
        if isBare { return inOneLine(text) }
        return "\"\(inOneLine(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")))\""
    }

    /// Control characters escaped: neither a line end nor a terminal's command gets through.
    private static func inOneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isControl) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": shown += "\\n"
            case "\r": shown += "\\r"
            case "\t": shown += "\\t"
            case _ where scalar.isControl: shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}

extension Unicode.Scalar {
    /// C0, DEL, C1, and the separators that some readers take for line ends.
    var isControl: Bool {
        value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029
    }
}
