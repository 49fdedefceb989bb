internal import DequeModule
internal import JSONText
internal import NIOCore

/// A connection that speaks PostgreSQL's own protocol on an event loop, for quick reads of that loop alone.
///
/// Libpq has opened it, and its thread would be two changes of threads for every read. Here the reads of one turn of the loop
/// go out in few writes, each with its own synchronisation point, and their answers are written as they are read.
///
/// It answers what goes well. Whatever does not (an error, a type that is not known yet, a setting that changes, a statement
/// that takes long, an end of the connection) leaves the reads to be run again by themselves, where it is dealt with: nothing
/// was changed, since they are reads.
///
/// Invariant: every read that is taken is ended once; the server answers in the order of ``inFlight``.
final class DirectConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct InFlight {
        let read: QuickRead
        let statement: DirectStatement
        let expected: Duration
        var body: ByteBuffer?
        var rows = 0
        /// Its answer is not wanted, or not usable.
        var isGivenUp = false

        /// - Returns: false where a type is not known yet.
        mutating func beginRows(_ types: TypeCatalogue) -> Bool {
            if isGivenUp { return true }
            body = statement.body(types)
            return body != nil
        }

        /// Writes a DataRow.
        ///
        /// - Returns: false where the answer is not usable any more.
        mutating func write(_ row: UnsafeRawBufferPointer, _ types: TypeCatalogue) -> Bool {
            guard !isGivenUp, body != nil else { return true }
            guard let size = statement.write(row, isFirst: rows == 0, into: &body!, types) else { return false }
            rows += 1
            return size <= read.script.maximumResultBytes
        }
    }

    /// As many reads may be on their way as are expected to take so long together; others have other connections.
    private static let longestExpected = Duration.milliseconds(5)
    private static let mostReads = 128
    /// So many are sent at once, whatever else this turn brings: the server works on them while the loop goes on. Fewer would
    /// be more writes, more would leave the server without work (docs/performance.md).
    private static let mostUnsent = 8
    /// Its own read may be held up by one that is not quick, and then be run again.
    private static let longestHold = QuickReadBatch.patience + QuickReadBatch.patience

    private let types: TypeCatalogue
    private let statementLimit: Int
    private let cancel: @Sendable () -> Void
    private let onEnd: () -> Void
    private let now: () -> ContinuousClock.Instant
    private var context: ChannelHandlerContext?
    private var messages = BackendMessages()
    private var inFlight: Deque<InFlight> = []
    private var expectedInFlight = Duration.zero
    private var statements: [PreparedStatements.Key: DirectStatement] = [:]
    /// The one of the last read, which most often is the next one's as well.
    private var lastStatement: (sql: String, planKey: String, statement: DirectStatement)?
    private var names = 0
    private var planVersion: UInt64
    private var output = ByteBuffer()
    /// Reads in it.
    private var unsent = 0
    /// Since when the server works on the first.
    private var headSince: ContinuousClock.Instant
    private var isFlushing = false
    private var isWatched = false
    /// One of its reads was not quick: nothing more is taken until it has ended.
    private var isStuck = false
    private var isClosing = false
    private(set) var lastUse: ContinuousClock.Instant

    /// - Parameters:
    ///   - cancel: asks the server to cancel what it does for this connection.
    ///   - onEnd: called on the event loop when the connection is closed.
    init(
        types: TypeCatalogue,
        statementLimit: Int,
        planVersion: UInt64,
        cancel: @escaping @Sendable () -> Void,
        onEnd: @escaping () -> Void,
        now: @escaping () -> ContinuousClock.Instant = { .now }
    ) {
        self.types = types
        self.statementLimit = max(1, statementLimit)
        self.planVersion = planVersion
        self.cancel = cancel
        self.onEnd = onEnd
        self.now = now
        headSince = now()
        lastUse = headSince
    }

    var isIdle: Bool { inFlight.isEmpty }
    private(set) var hasEnded = false

    // MARK: Reads

    /// - Returns: false where it is to be run elsewhere.
    func take(_ read: QuickRead, planVersion: UInt64, at now: ContinuousClock.Instant) -> Bool {
        guard let context, !isStuck, !isClosing, inFlight.count < Self.mostReads, read.parameters.count <= UInt16.max
        else { return false }
        let expected = expectedInFlight + read.expectedDuration
        if !inFlight.isEmpty, expected > Self.longestExpected { return false }
        // Its own time must be longer than it may be held up here.
        if let deadline = read.deadline, deadline < now + Self.longestHold { return false }
        if planVersion != self.planVersion { forgetStatements(planVersion) }
        let statement = statement(for: read.step)
        output.writeBindExecuteSync(statement: statement.name, read.parameters)
        lastUse = now
        if inFlight.isEmpty { headSince = now }
        expectedInFlight = expected
        inFlight.append(InFlight(read: read, statement: statement, expected: read.expectedDuration))
        unsent += 1
        if unsent < Self.mostUnsent { flushSoon(context) } else { flush() }
        watch(context)
        return true
    }

    private func statement(for step: PostgresStep) -> DirectStatement {
        if let last = lastStatement, last.sql.hasSameBytes(as: step.sql), last.planKey.hasSameBytes(as: step.planKey) {
            return last.statement
        }
        let statement = rememberedStatement(for: step)
        lastStatement = (step.sql, step.planKey, statement)
        return statement
    }

    private func rememberedStatement(for step: PostgresStep) -> DirectStatement {
        let key = PreparedStatements.Key(sql: step.sql, planKey: step.planKey)
        if let statement = statements[key] { return statement }
        if statements.count >= statementLimit { forgetStatements(planVersion) }
        names += 1
        let statement = DirectStatement(name: "cistern_direct_\(names)")
        statements[key] = statement
        output.writeParse(statement.name, step.sql)
        output.writeDescribe(statement: statement.name)
        return statement
    }

    private func forgetStatements(_ version: UInt64) {
        for statement in statements.values { output.writeClose(statement: statement.name) }
        statements = [:]
        lastStatement = nil
        if version != planVersion { types.forgetUserTypes() }
        planVersion = version
    }

    private func forget(_ statement: DirectStatement) {
        if lastStatement?.statement === statement { lastStatement = nil }
        guard let key = statements.first(where: { $0.value === statement })?.key else { return }
        statements[key] = nil
        output.writeClose(statement: statement.name)
    }

    /// When all of this turn have come, or as many as are sent at once.
    private func flushSoon(_ context: ChannelHandlerContext) {
        if isFlushing { return }
        isFlushing = true
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            this.value.isFlushing = false
            this.value.flush()
        }
    }

    private func flush() {
        unsent = 0
        guard let context, output.readableBytes > 0 else { return }
        let bytes = output
        // The channel keeps these until they are written; the next ones get a buffer of their own.
        output = context.channel.allocator.buffer(capacity: 1024)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: Slow ones

    private func watch(_ context: ChannelHandlerContext) {
        if isWatched { return }
        isWatched = true
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: TimeAmount(QuickReadBatch.patience)) {
            this.value.lookAtHead()
        }
    }

    private func lookAtHead() {
        isWatched = false
        guard let context, !inFlight.isEmpty else { return }
        if headSince.duration(to: now()) >= QuickReadBatch.patience, !isStuck {
            isStuck = true
            giveUpAll()
            cancel()
        }
        watch(context)
    }

    private func giveUpAll() {
        for index in inFlight.indices where !inFlight[index].isGivenUp {
            inFlight[index].isGivenUp = true
            inFlight[index].read.end(.again)
        }
    }

    // MARK: Answers

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        messages.append(unwrapInboundIn(data))
        let areSound = messages.takeAll { type, message in received(type, message) }
        if !areSound { end() }
    }

    private func received(_ type: UInt8, _ message: UnsafeRawBufferPointer) {
        switch type {
        case UInt8(ascii: "D"): receivedRow(message)
        case UInt8(ascii: "Z"): receivedReady(message)
        case UInt8(ascii: "T"): if inFlight.first?.statement.describe(message) != true { giveUpHead() }
        case UInt8(ascii: "E"), UInt8(ascii: "I"), UInt8(ascii: "n"): giveUpHead()
        // Parsed, described, bound, complete, closed; a notice.
        case UInt8(ascii: "1"), UInt8(ascii: "t"), UInt8(ascii: "2"), UInt8(ascii: "C"), UInt8(ascii: "3"),
            UInt8(ascii: "N"):
            if type == UInt8(ascii: "2") { beginRows() }
        // A setting has changed, or something came that nobody asked for: what is answered from now on may mean something
        // else.
        default: end()
        }
    }

    private func beginRows() {
        if !inFlight.isEmpty, !inFlight[0].beginRows(types) { giveUpHead(keepsStatement: true) }
    }

    private func receivedRow(_ message: UnsafeRawBufferPointer) {
        if !inFlight.isEmpty, !inFlight[0].write(message, types) { giveUpHead() }
    }

    /// - Parameter keepsStatement: it is as it should be, and only something besides is missing.
    private func giveUpHead(keepsStatement: Bool = false) {
        guard let head = inFlight.first, !head.isGivenUp else { return }
        inFlight[0].isGivenUp = true
        if !keepsStatement { forget(head.statement) }
        head.read.end(.again)
    }

    private func receivedReady(_ message: UnsafeRawBufferPointer) {
        guard message.first == UInt8(ascii: "I"), let head = inFlight.popFirst() else { return end() }
        expectedInFlight -= head.expected
        let now = now()
        if !head.isGivenUp, var body = head.body {
            head.statement.finish(&body, rows: head.rows)
            var result = PostgresResult()
            result.body = body
            result.command = "SELECT"
            result.rowCount = head.rows
            result.duration = headSince.duration(to: now)
            head.read.end(.result(result))
        } else if !head.isGivenUp {
            head.read.end(.again)
        }
        headSince = now
        if inFlight.isEmpty { isStuck = false }
    }

    // MARK: Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end()
    }

    /// Takes no more, and closes.
    func end() {
        isClosing = true
        giveUpAll()
        context?.close(promise: nil)
    }

    private func ended() {
        guard !hasEnded else { return }
        hasEnded = true
        context = nil
        giveUpAll()
        inFlight = []
        onEnd()
    }
}
