internal import Foundation
internal import Logging

/// Writes each message as one line on standard error.
struct OutputLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let output: LogOutput
    private let threshold: LogOutput.Threshold
    /// Set for one logger alone; a reload leaves it.
    private var ownLevel: Logger.Level?

    init(label: String, output: LogOutput, threshold: LogOutput.Threshold) {
        self.label = label
        self.output = output
        self.threshold = threshold
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? threshold.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, own in own } }
        if let own = event.metadata { all.merge(own) { _, own in own } }
        let line = LogLine(
            time: Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            level: event.level,
            label: label,
            message: "\(event.message)",
            metadata: all.sorted { $0.key < $1.key }
        )
        StandardError.write(output.isJSON ? line.json : line.text)
    }
}

/// Writes whole lines, and goes on where nobody reads them any more: a full disk or a closed pipe must not end the
/// process.
enum StandardError {
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
