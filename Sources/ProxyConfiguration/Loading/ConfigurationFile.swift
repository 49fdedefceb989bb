#if canImport(Glibc)
@preconcurrency import Glibc
#else
@preconcurrency import Darwin
#endif

/// The only door to the file system and to the process's environment.
enum ConfigurationFile {
    struct ReadError: Error {
        /// Nil when it is about the file as a whole.
        var position: SourcePosition?
        var message: String
    }

    /// More than anyone writes by hand, and less than hurts: a device or a log given by mistake must not fill the
    /// memory.
    static let maximumBytes = 4 << 20

    static func text(at path: String) throws(ReadError) -> String {
        guard let file = fopen(path, "re") else { throw ReadError(message: "cannot be opened: \(reason())") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
            if bytes.count > maximumBytes {
                throw ReadError(message: "is larger than \(SizeText.format(maximumBytes)), which no configuration is")
            }
        }
        if ferror(file) != 0 { throw ReadError(message: "cannot be read: \(reason())") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ReadError(position: invalidPosition(in: bytes), message: "is not UTF-8 text")
        }
        return text
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private static func invalidPosition(in bytes: [UInt8]) -> SourcePosition {
        var position = SourcePosition()
        var source = bytes.makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        while case .valid(let scalar) = parser.parseScalar(from: &source) {
            if scalar.elementsEqual([UInt8(ascii: "\n")]) {
                position = SourcePosition(line: position.line + 1, column: 1)
            } else {
                position.column += 1
            }
        }
        return position
    }
}
