import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import PostgresClient

/// A connection that speaks the protocol itself, against a server that says whatever the test wants.
@Suite("Direct connections") struct DirectConnectionTests {
    private final class Clock {
        var now = ContinuousClock.now
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func add() { count.add(1, ordering: .relaxed) }
        var value: Int { count.load(ordering: .relaxed) }
    }

    /// What became of reads, in the order of their ends.
    private final class Ends: Sendable {
        private let texts = Mutex<[String]>([])
        func note(_ text: String) { texts.withLock { $0.append(text) } }
        func take() -> [String] {
            texts.withLock { texts in
                defer { texts = [] }
                return texts
            }
        }
    }

    private struct Fixture {
        let channel = EmbeddedChannel()
        let types = TypeCatalogue()
        let clock = Clock()
        let cancels = Counter()
        let closings = Counter()
        let ends = Ends()
        let direct: DirectConnection

        init(statementLimit: Int = 10) throws {
            types.add([
                23: PostgresType(name: "int4", form: .number), 25: PostgresType(name: "text", form: .text),
                16: PostgresType(name: "bool", form: .boolean),
            ])
            direct = DirectConnection(
                types: types,
                statementLimit: statementLimit,
                planVersion: 0,
                cancel: { [cancels] in cancels.add() },
                onEnd: { [closings] in closings.add() },
                now: { [clock] in clock.now }
            )
            try channel.pipeline.syncOperations.addHandler(direct)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 5432)).wait()
        }

        /// - Returns: whether it was taken.
        func read(
            _ name: String,
            _ sql: String = "SELECT n FROM t WHERE id = $1",
            _ parameters: [PostgresParameter] = [.text("7")],
            expected: Duration = .microseconds(50),
            limit: Int = .max,
            timeout: Duration? = nil,
            planVersion: UInt64 = 0
        ) throws -> Bool {
            var step = PostgresStep(sql: sql, parameters: parameters)
            step.isPrepared = true
            var script = PostgresScript(steps: [step])
            script.isReadOnly = true
            script.expectedDuration = expected
            script.maximumResultBytes = limit
            let end = clock.now + .seconds(5)
            let read = try #require(
                QuickRead(script, timeout.map { clock.now + $0 }, patience: Patience(end: end, limit: nil))
            )
            read.whenEnded { [ends] outcome in
                switch outcome {
                case .result(let result): ends.note("\(name) \(String(buffer: result.body))")
                case .failure(let error): ends.note("\(name) failed: \(error.message)")
                case .again: ends.note("\(name) again")
                }
            }
            return direct.take(read, planVersion: planVersion, at: clock.now)
        }

        /// The types of the messages that went out since the last look.
        func sent() throws -> String {
            channel.embeddedEventLoop.run()
            var types = ""
            while var bytes = try channel.readOutbound(as: ByteBuffer.self) {
                while let type = bytes.readInteger(as: UInt8.self), let length = bytes.readInteger(as: Int32.self) {
                    types.append(Character(Unicode.Scalar(type)))
                    bytes.moveReaderIndex(forwardBy: Int(length) - 4)
                }
            }
            return types
        }

        func hear(_ messages: ByteBuffer...) throws {
            for message in messages where channel.isActive { try channel.writeInbound(message) }
        }

        func pass(_ time: Duration) {
            clock.now += time
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(Int64(time / .milliseconds(1))))
        }
    }

    private static let head = #""columns":[{"name":"n","type":"int4"}],"rows":"#

    @Test("a statement is prepared once; reads of one turn go out together, each with its own synchronisation point")
    func reads() throws {
        let fixture = try Fixture()
        #expect(try fixture.read("a") && fixture.read("b", "SELECT n FROM t WHERE id = $1", [.null]))
        #expect(try fixture.sent() == "PDBESBES")
        try fixture.hear(.parsed, .described("n", 23), .bound, .row("5"), .row(nil), .row("-6"), .complete, .ready)
        #expect(fixture.ends.take() == ["a \(Self.head)[[5],[null],[-6]],\"row_count\":3"])
        try fixture.hear(.bound, .complete, .ready)
        #expect(fixture.ends.take() == ["b \(Self.head)[],\"row_count\":0"])
        #expect(try fixture.read("c"))
        #expect(try fixture.sent() == "BES")
        try fixture.hear(.bound, .notice, .row("1"), .complete, .ready)
        #expect(fixture.ends.take() == ["c \(Self.head)[[1]],\"row_count\":1"])
        #expect(fixture.direct.isIdle && fixture.closings.value == 0)
    }

    @Test("eight reads go out though the turn has not ended")
    func sendsBeforeTheTurnEnds() throws {
        let fixture = try Fixture()
        for number in 1...7 { #expect(try fixture.read("\(number)")) }
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(try fixture.read("8"))
        let sent = try #require(try fixture.channel.readOutbound(as: ByteBuffer.self))
        #expect(sent.readableBytesView.filter { $0 == UInt8(ascii: "S") }.count >= 8)
        #expect(try fixture.read("9"))
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(try fixture.sent() == "BES")
        try fixture.hear(.parsed, .described("n", 23))
        for number in 1...9 { try fixture.hear(.bound, .row("\(number)"), .complete, .ready) }
        #expect(
            fixture.ends.take() == (1...9).map { "\($0) \(Self.head)[[\($0)]],\"row_count\":1" }
        )
    }

    @Test("the connection breaks while a read is taken: each is run again, once")
    func breaksWhileTaking() throws {
        final class Break: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
                promise?.fail(ChannelError.ioOnClosedChannel)
                context.close(promise: nil)
            }
        }
        let fixture = try Fixture()
        try fixture.channel.pipeline.syncOperations.addHandler(Break(), position: .first)
        for number in 1...8 { #expect(try fixture.read("\(number)")) }
        #expect(try !fixture.read("9"))
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.ends.take() == (1...8).map { "\($0) again" })
        #expect(fixture.closings.value == 1)
    }

    @Test("what is sent for a read", arguments: [[], ["7"], [nil, "", "é", nil, String(repeating: "x", count: 3000)]])
    func bindsParameters(parameters: [String?]) {
        var expected = ByteBuffer()
        var bind = ByteBuffer()
        bind.writeNullTerminatedString("")
        bind.writeNullTerminatedString("name")
        bind.writeInteger(Int16(0))
        bind.writeInteger(Int16(parameters.count))
        for parameter in parameters {
            bind.writeInteger(Int32(parameter?.utf8.count ?? -1))
            bind.writeString(parameter ?? "")
        }
        bind.writeInteger(Int16(0))
        expected.writeString("B")
        expected.writeInteger(Int32(4 + bind.readableBytes))
        expected.writeBuffer(&bind)
        expected.writeString("E")
        expected.writeInteger(Int32(9))
        expected.writeNullTerminatedString("")
        expected.writeInteger(Int32(0))
        expected.writeString("S")
        expected.writeInteger(Int32(4))
        var written = ByteBuffer()
        written.writeBindExecuteSync(statement: "name", parameters)
        #expect(written == expected)
    }

    @Test("it does not matter in what pieces the answer comes")
    func pieces() throws {
        var whole = ByteBuffer()
        for var message in [
            .parsed, .described("n", 23), .bound, .row("5"), .row("66"), .complete, .ready,
        ] as [ByteBuffer] { whole.writeBuffer(&message) }
        for size in 1...whole.readableBytes {
            let fixture = try Fixture()
            _ = try fixture.read("a")
            var rest = whole
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                try fixture.hear(piece)
            }
            #expect(fixture.ends.take() == ["a \(Self.head)[[5],[66]],\"row_count\":2"], "\(size)")
        }
    }

    @Test("what PostgreSQL refuses is run again by itself, and its statement made anew; the others do not notice")
    func refusals() throws {
        let fixture = try Fixture()
        _ = try (fixture.read("a"), fixture.read("b"), fixture.read("c"))
        _ = try fixture.sent()
        try fixture.hear(.parsed, .described("n", 23), .bound, .row("5"), .refused, .ready)
        #expect(fixture.ends.take() == ["a again"])
        // The refused one's statement is closed behind those that are on their way.
        try fixture.hear(.bound, .row("1"), .complete, .ready, .bound, .row("2"), .complete, .ready)
        #expect(fixture.ends.take() == ["b \(Self.head)[[1]],\"row_count\":1", "c \(Self.head)[[2]],\"row_count\":1"])
        _ = try fixture.read("d")
        #expect(try fixture.sent() == "CPDBES")
        try fixture.hear(.closed, .parsed, .described("n", 23), .bound, .complete, .ready)
        #expect(fixture.ends.take() == ["d \(Self.head)[],\"row_count\":0"])
    }

    @Test("a type that is not known yet: again, until somebody has learned it")
    func unknownType() throws {
        let fixture = try Fixture()
        _ = try fixture.read("a")
        try fixture.hear(.parsed, .described("n", 90_000), .bound, .row("5"), .complete, .ready)
        fixture.types.add([90_000: PostgresType(name: "mood", form: .text)])
        _ = try fixture.read("b")
        #expect(try fixture.sent() == "PDBESBES")
        try fixture.hear(.bound, .row("ok"), .complete, .ready)
        #expect(
            fixture.ends.take() == [
                "a again", #"b "columns":[{"name":"n","type":"mood"}],"rows":[["ok"]],"row_count":1"#,
            ]
        )
    }

    @Test("what answers no rows, too much, or something that does not fit is run again")
    func unusable() throws {
        let fixture = try Fixture()
        for (name, messages) in [
            ("no rows", [.parsed, .noData, .bound, .complete, .ready]),
            ("empty", [.parsed, .noData, .bound, .emptyQuery, .ready]),
            (
                "two columns",
                [
                    .parsed, .described("n", 23), .bound,
                    .message("D", [0, 2, 255, 255, 255, 255, 255, 255, 255, 255]), .complete, .ready,
                ]
            ),
            ("cut", [.parsed, .described("n", 23), .bound, .message("D", [0, 1, 0, 0, 0, 9, 65]), .complete, .ready]),
            ("no description", [.parsed, .message("T", [0, 1, 65]), .bound, .complete, .ready]),
        ] as [(String, [ByteBuffer])] {
            _ = try fixture.read(name, "SELECT '\(name)'", [])
            for message in messages { try fixture.hear(message) }
            #expect(fixture.ends.take() == ["\(name) again"])
        }
        _ = try fixture.read("long", limit: 60)
        try fixture.hear(.parsed, .described("n", 23), .bound, .row("5"))
        #expect(fixture.ends.take() == [])
        try fixture.hear(.row(String(repeating: "9", count: 40)), .row("7"), .complete, .ready)
        #expect(fixture.ends.take() == ["long again"])
        #expect(fixture.direct.isIdle && fixture.channel.isActive)
    }

    @Test(
        "a changed setting, or what cannot be understood: everything again, and the connection is given up",
        arguments: [
            .message("S", Array("TimeZone\u{0}UTC\u{0}".utf8)), .message("A", [0, 0, 0, 1, 0, 0]), .message("?", []),
            ByteBuffer(bytes: [UInt8(ascii: "D"), 0, 0, 0, 3]), .message("Z", [UInt8(ascii: "T")]),
        ] as [ByteBuffer]
    )
    func surprises(message: ByteBuffer) throws {
        let fixture = try Fixture()
        _ = try (fixture.read("a"), fixture.read("b"))
        try fixture.hear(message, .bound, .row("1"), .complete, .ready)
        #expect(Set(fixture.ends.take()) == ["a again", "b again"])
        #expect(!fixture.channel.isActive && fixture.closings.value == 1)
        #expect(try !fixture.read("c"))
    }

    @Test("an end of the connection leaves nobody waiting")
    func end() throws {
        let fixture = try Fixture()
        _ = try (fixture.read("a"), fixture.read("b"))
        try fixture.hear(.parsed, .described("n", 23), .bound, .row("5"))
        fixture.channel.pipeline.fireChannelInactive()
        #expect(fixture.ends.take() == ["a again", "b again"])
        #expect(fixture.closings.value == 1 && fixture.direct.hasEnded)
        #expect(try !fixture.read("c"))
    }

    @Test("one that is slow after all lets the others go, is cancelled, and keeps more from coming until it has ended")
    func slow() throws {
        let fixture = try Fixture()
        _ = try (fixture.read("a"), fixture.read("b"))
        fixture.pass(.milliseconds(49))
        try fixture.hear(.parsed, .described("n", 23), .bound, .complete, .ready)
        #expect(fixture.ends.take().count == 1)
        // `b` began when `a` ended.
        fixture.pass(.milliseconds(49))
        #expect(fixture.ends.take() == [] && fixture.cancels.value == 0)
        _ = try fixture.read("c")
        fixture.pass(.milliseconds(52))
        #expect(fixture.ends.take() == ["b again", "c again"])
        fixture.pass(.milliseconds(500))
        #expect(fixture.cancels.value == 1)
        #expect(try !fixture.read("d"))
        try fixture.hear(.refused, .ready)
        #expect(try !fixture.read("d"))
        try fixture.hear(.bound, .row("9"), .complete, .ready)
        #expect(try fixture.read("d"))
        try fixture.hear(.bound, .row("4"), .complete, .ready)
        #expect(fixture.ends.take() == ["d \(Self.head)[[4]],\"row_count\":1"])
    }

    @Test("it takes no more than is expected to be done soon, and nothing whose time is shorter than it may be held up")
    func limits() throws {
        let fixture = try Fixture()
        #expect(try fixture.read("a", expected: .milliseconds(4)))
        #expect(try !fixture.read("b", expected: .milliseconds(2)))
        #expect(try fixture.read("c", expected: .milliseconds(1)))
        try fixture.hear(.parsed, .described("n", 23), .bound, .complete, .ready, .bound, .complete, .ready)
        // Whatever is expected of it, one by itself may go.
        #expect(try fixture.read("d", expected: .seconds(1)))
        try fixture.hear(.bound, .complete, .ready)
        #expect(try !fixture.read("e", timeout: .milliseconds(60)))
        #expect(try fixture.read("f", timeout: .milliseconds(200)))
        try fixture.hear(.bound, .complete, .ready)
        #expect(fixture.ends.take().count == 4)
        for number in 0..<200 { _ = try fixture.read("\(number)", expected: .zero) }
        for _ in 0..<200 { try fixture.hear(.bound, .complete, .ready) }
        #expect(fixture.ends.take().count == 128)
    }

    @Test("a changed schema, and too many statements, close those that were prepared")
    func statements() throws {
        let fixture = try Fixture(statementLimit: 2)
        _ = try (fixture.read("a", "SELECT 1"), fixture.read("b", "SELECT 2"))
        #expect(try fixture.sent() == "PDBESPDBES")
        _ = try fixture.read("c", "SELECT 3")
        #expect(try fixture.sent() == "CCPDBES")
        _ = try (fixture.read("d", "SELECT 3", planVersion: 1), fixture.read("e", "SELECT 3", planVersion: 1))
        #expect(try fixture.sent() == "CPDBESBES")
    }
}

// What the server says.
extension ByteBuffer {
    fileprivate static func message(_ type: Unicode.Scalar, _ bytes: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(ascii: type))
        buffer.writeInteger(Int32(bytes.count + 4))
        buffer.writeBytes(bytes)
        return buffer
    }

    fileprivate static let parsed = message("1", [])
    fileprivate static let bound = message("2", [])
    fileprivate static let closed = message("3", [])
    fileprivate static let noData = message("n", [])
    fileprivate static let emptyQuery = message("I", [])
    fileprivate static let complete = message("C", Array("SELECT 1\u{0}".utf8))
    fileprivate static let ready = message("Z", [UInt8(ascii: "I")])
    fileprivate static let refused = message("E", Array("SERROR\u{0}C22012\u{0}Mdivision by zero\u{0}\u{0}".utf8))
    fileprivate static let notice = message("N", Array("SNOTICE\u{0}\u{0}".utf8))

    fileprivate static func described(_ name: String, _ type: UInt32) -> ByteBuffer {
        var fields = ByteBuffer()
        // Of its parameters, which are of no interest, first.
        fields.writeImmutableBuffer(message("t", [0, 1, 0, 0, 0, 23]))
        var columns = ByteBuffer()
        columns.writeInteger(Int16(1))
        columns.writeNullTerminatedString(name)
        columns.writeBytes([0, 0, 0, 0, 0, 0])
        columns.writeInteger(type)
        columns.writeBytes([0, 4, 255, 255, 255, 255, 0, 0])
        fields.writeImmutableBuffer(message("T", Array(columns.readableBytesView)))
        return fields
    }

    fileprivate static func row(_ value: String?) -> ByteBuffer {
        guard let value else { return message("D", [0, 1, 255, 255, 255, 255]) }
        var fields = ByteBuffer()
        fields.writeInteger(Int16(1))
        fields.writeInteger(Int32(value.utf8.count))
        fields.writeString(value)
        return message("D", Array(fields.readableBytesView))
    }
}
