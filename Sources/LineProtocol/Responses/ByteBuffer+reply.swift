internal import NIOCore
internal import QueryProxy

extension ByteBuffer {
    /// Bodies up to this size (bytes) are copied into the connection's output, which costs less than another write.
    static let largestCopiedBody = QueryProxy.largestCopiedBody

    mutating func writeReplyStart(id: String?) {
        writeStaticString("{")
        guard let id else { return }
        writeStaticString("\"id\":")
        writeString(id)
        writeStaticString(",")
    }

    mutating func writeReplyEnd() {
        writeStaticString("}\n")
    }

    /// The whole line, for a response without a large body.
    mutating func writeReply(_ response: Response, id: String?) {
        writeReplyStart(id: id)
        response.writeHead(into: &self)
        if let body = response.body { writeImmutableBuffer(body) }
        writeReplyEnd()
    }
}

extension Response {
    static func members(_ text: String) -> Response {
        .members(ByteBuffer(string: text))
    }
}
