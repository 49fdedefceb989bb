import FuzzSupport
import JSONText
import LineProtocol
import NIOCore
import QueryProxy

// Any bytes as what a client sends. A trap is a finding, and so is
//
// - a stream that gives other lines when it is cut differently, or a line over the limit,
// - a request or a refusal whose `id` would break the line that answers it.

private let maximumLength = 256

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let readings = FuzzInput(start, count).cuttings.map { lines(of: $0) }
    for reading in readings.dropFirst() { check(reading == readings[0], "a cut made a difference") }
    for case .text(let line) in readings[0] { checkRequest(line) }
    return 0
}

private func lines(of pieces: [ArraySlice<UInt8>]) -> [Line] {
    var decoder = LineDecoder(maximumLength: maximumLength)
    var buffer = ByteBuffer()
    var lines: [Line] = []
    for piece in pieces {
        buffer.writeBytes(piece)
        while let line = decoder.decode(buffer: &buffer) { lines.append(line) }
        check(buffer.readableBytes <= maximumLength + 1, "too much of an unfinished line is kept")
        buffer.discardReadBytes()
    }
    while let line = decoder.decodeLast(buffer: &buffer, seenEOF: true) { lines.append(line) }
    check(buffer.readableBytes == 0, "the end left something behind")
    return lines
}

private func checkRequest(_ line: ByteBuffer) {
    check((1...maximumLength).contains(line.readableBytes), "a line of \(line.readableBytes) bytes")
    check(!line.readableBytesView.contains(UInt8(ascii: "\n")), "a line holds two")
    do throws(LineRequestError) {
        checkReply(id: try LineRequest(line: line).id) { $0.writeStaticString("\"ok\":true") }
    } catch {
        check(error.error.code == .badRequest && !error.error.message.isEmpty, "refused without a reason")
        let refusal = error.error
        checkReply(id: error.id) { refusal.writeMembers(into: &$0) }
    }
}

/// Writes the reply as the server does, and reads it as a client does.
private func checkReply(id: String?, _ writeMembers: (inout ByteBuffer) -> Void) {
    var reply = ByteBuffer(string: "{")
    if let id { reply.writeString("\"id\":\(id),") }
    writeMembers(&reply)
    reply.writeStaticString("}")
    check(!reply.readableBytesView.contains(UInt8(ascii: "\n")), "the reply is not one line")
    reply.withUnsafeReadableBytes { bytes in
        do throws(JSONError) {
            _ = try JSONValue(parsing: bytes)
        } catch {
            // An id is echoed as it came, with an escape that stands for half a character too.
            check(error.reason == .invalidEscape && id != nil, "the reply is not JSON: \(error)")
        }
    }
}
