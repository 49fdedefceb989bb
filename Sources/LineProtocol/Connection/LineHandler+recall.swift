internal import NIOCore
internal import QueryProxy

// Lines that were answered before are begun without being taken out of what was read, or read themselves.
extension LineHandler {
    /// Begins the lines at the start of what was read as far as they were asked for before, if nothing is before them.
    ///
    /// - Returns: how many bytes they take.
    func beginWhereTheyLie(_ bytes: UnsafeRawBufferPointer, _ context: ChannelHandlerContext) -> Int {
        guard canRead, unfinished == nil else { return 0 }
        let began = lastActivity
        // Worked on as a local variable, which costs less than a property that anybody might look at meanwhile.
        var answers = ByteBuffer()
        swap(&answers, &output)
        var lines = 0
        var start = 0
        scan: while let end = bytes.lineEnd(from: start) {
            let next = end + 1
            var length = end - start
            if length > 0, bytes[start + length - 1] == UInt8(ascii: "\r") { length -= 1 }
            if length > 0 {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
                switch recall(line, since: began, into: &answers) {
                case .answered: break
                case .known(let line, let id):
                    swap(&answers, &output)
                    defer { swap(&answers, &output) }
                    guard begin(again: line, id: id, since: began, context) else { break scan }
                case .unknown: break scan
                }
                lines += 1
            }
            start = next
            if answers.readableBytes > ByteBuffer.largestCopiedBody {
                swap(&answers, &output)
                flush(context)
                swap(&answers, &output)
            }
            guard canBegin else { break }
        }
        // After a flush nothing is left in `output`.
        if output.capacity == 0 { output = answers }
        statistics.requestsBegan(lines)
        return start
    }

    enum Recalled {
        /// And the answer written.
        case answered
        /// It was answered before, and no answer was at hand that could be written at once.
        case known(RecalledLine<ReadyLookup>, id: String?)
        case unknown
    }

    /// Looks for a line that was answered before, and writes its answer if memory holds it and it is the line's turn.
    @inline(__always)
    func recall(
        _ line: UnsafeRawBufferPointer,
        since began: NIODeadline,
        into answers: inout ByteBuffer
    ) -> Recalled {
        if isDraining { return .unknown }
        let key = LineKey(line)
        guard let known = loop.lines.line(of: key) else { return .unknown }
        if !key.id.isEmpty || order.isOrderedQueueEmpty {
            if answers.capacity == 0 { answers = loop.takeBuffer() }
            if handler.writeHit(known.lookup, id: key.id, since: began, into: &answers) { return .answered }
        }
        return .known(known, id: key.id.isEmpty ? nil : String(decoding: key.id, as: UTF8.self))
    }

    /// Begins a line that was answered before.
    ///
    /// - Returns: false where it has to be read.
    func begin(
        again line: RecalledLine<ReadyLookup>,
        id: String?,
        since began: NIODeadline,
        _ context: ChannelHandlerContext
    ) -> Bool {
        switch handler.begin(again: line.lookup, since: began) {
        case .answer(let response): answer(response, id: id, context)
        case .askRedis(let lookup): ask(lookup, for: .known(line), id: id, since: began, context)
        case .unknown: return false
        }
        return true
    }
}
