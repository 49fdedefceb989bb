internal import ArgumentParser
internal import Foundation

/// Standard output, which may be a pipe that nobody reads any more, or a disk that is full.
enum StandardOutput {
    /// Ends the process where nothing can be written: well where the reader has gone (`cistern query … | head`), with the
    /// status for input and output errors otherwise.
    static func write(_ text: String) {
        if let error = unwritten(text, to: STDOUT_FILENO) {
            if error == EPIPE { exit(0) }
            complain("cannot write: \(String(cString: strerror(error)))")
            exit(ExitCode.inputOutput.rawValue)
        }
    }

    static func line(_ text: String) {
        write(text + "\n")
    }

    /// - Returns: the system's error; nil where all is written.
    private static func unwritten(_ text: String, to descriptor: Int32) -> Int32? {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return errno }
            bytes = bytes.dropFirst(count)
        }
        return nil
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

/// Says on standard error what went wrong.
func complain(_ message: String) {
    StandardError.write("cistern: \(message)\n")
}
