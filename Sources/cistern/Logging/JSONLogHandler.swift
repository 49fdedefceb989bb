internal import Foundation
internal import JSONText
internal import Logging
internal import NIOCore

/// One JSON object a line on standard error.
struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    private let label: String

    init(label: String) {
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var buffer = ByteBuffer(string: "{\"time\":")
        buffer.writeJSONString(Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        for (name, text) in [("level", event.level.rawValue), ("logger", label), ("message", "\(event.message)")] {
            buffer.writeString(",\"\(name)\":")
            buffer.writeJSONString(text)
        }
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            buffer.writeStaticString(",")
            buffer.writeJSONString(name)
            buffer.writeStaticString(":")
            buffer.writeJSONString("\(value)")
        }
        buffer.writeStaticString("}\n")
        FileHandle.standardError.write(Data(buffer.readableBytesView))
    }
}
