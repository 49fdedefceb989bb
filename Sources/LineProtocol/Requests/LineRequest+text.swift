internal import JSONText
package import NIOCore
internal import QueryProxy

extension LineRequest {
    /// Reads one line: a JSON object, or plain text.
    ///
    /// - Throws: ``LineRequestError`` with code `bad_request` and what to change.
    package init(line: ByteBuffer) throws(LineRequestError) {
        let result = line.withUnsafeReadableBytes { bytes -> Result<LineRequest, LineRequestError> in
            do throws(LineRequestError) {
                guard JSONReader.isValidUTF8(bytes) else { throw .bad("the line is not valid UTF-8") }
                let first = bytes.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
                return .success(
                    first == UInt8(ascii: "{") ? try LineRequest(object: bytes) : try LineRequest(text: bytes)
                )
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// A word of our own, or else a statement.
    private init(text bytes: UnsafeRawBufferPointer) throws(LineRequestError) {
        let text = String(decoding: bytes, as: UTF8.self)
        let word = text.trimmingSpace
        // No word of ours is longer: a long statement is not copied to be compared with them.
        switch word.prefix(8).uppercased() {
        case "PING": self.init(operation: .ping)
        case "STATS": self.init(operation: .proxy(.stats))
        case "HELP": self.init(operation: .help)
        case "QUIT": self.init(operation: .quit)
        case "": throw .bad("the line holds nothing but white space")
        default:
            if text.holdsNUL { throw .bad("the statement holds a NUL character") }
            self.init(operation: .proxy(.query(QueryRequest(sql: text))))
        }
    }
}

extension String {
    fileprivate var trimmingSpace: Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

extension LineRequestError {
    static func bad(_ message: String, id: String? = nil) -> LineRequestError {
        LineRequestError(id: id, error: ProxyError(.badRequest, message))
    }
}
