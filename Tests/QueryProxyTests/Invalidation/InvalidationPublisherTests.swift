import Logging
import NIOCore
import QueryCache
import RedisClient
import Synchronization
import Testing

@testable import QueryProxy

/// Correctness row 48.
@Suite struct InvalidationPublisherTests {
    /// What was sent, and what Redis answers to it.
    final class Wire: Sendable {
        private struct State {
            var sent: [RedisCommand] = []
            var fails = false
            var refusal: String?
        }

        private let state = Mutex(State())
        let eventLoop = ManualEventLoop()

        var sent: [RedisCommand] { state.withLock { $0.sent } }
        var fails: Bool {
            get { state.withLock { $0.fails } }
            set { state.withLock { $0.fails = newValue } }
        }

        var refusal: String? {
            get { state.withLock { $0.refusal } }
            set { state.withLock { $0.refusal = newValue } }
        }

        func publisher() -> InvalidationPublisher {
            InvalidationPublisher(
                origin: "me",
                channel: "cache_invalidation",
                controlChannel: "control",
                eventLoop: eventLoop,
                window: .milliseconds(4),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            ) { commands in
                let (fails, refusal) = self.state.withLock { state in
                    state.sent += commands
                    return (state.fails, state.refusal)
                }
                if fails {
                    return self.eventLoop.makeFailedFuture(RedisError(code: .unavailable, message: "away"))
                }
                return self.eventLoop.makeSucceededFuture(
                    commands.map { _ in refusal.map { .error($0) } ?? .integer(1) }
                )
            }
        }
    }

    static func message(_ table: String, _ sequence: Int64) -> RedisCommand {
        var message = InvalidationMessage()
        message.pattern = "cistern:\(table)"
        message.tables = [table]
        message.origin = "me"
        message.sequence = sequence
        return RedisCommand("PUBLISH", [ByteBuffer(string: "cache_invalidation"), message.bytes])
    }

    let wire = Wire()

    @Test func theFirstIsToldAtOnceAndTheRestOncePerWindow() {
        let publisher = wire.publisher()
        let table = Invalidation(tags: [.table("public.stock"), .wholeTable("public.stock"), .anyTable])
        publisher.publish(table) { _ in }
        #expect(wire.sent == [Self.message("public.stock", 1)])
        for _ in 0..<1000 { publisher.publish(table) { _ in } }
        #expect(wire.sent.count == 1)
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(wire.sent == [Self.message("public.stock", 1), Self.message("public.stock", 2)])
        // A window in which nothing came ends it; the next is told at once again.
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(wire.sent.count == 2 && wire.eventLoop.timers == 0)
        publisher.publish(table) { _ in }
        #expect(wire.sent.count == 3)
    }

    @Test func whatIsPutTogetherHoldsEverything() {
        let publisher = wire.publisher()
        publisher.publish(Invalidation(tags: [.table("a")])) { _ in }
        publisher.publish(Invalidation(tags: [.table("b"), .user("b:1")])) { _ in }
        publisher.publish(Invalidation(tags: [.namespace("n")], patterns: ["c:*"])) { _ in }
        wire.eventLoop.advance(by: .milliseconds(4))
        let told = wire.sent.dropFirst().compactMap { command -> InvalidationMessage? in
            let payload = String(buffer: RedisCommandParts(command).last ?? ByteBuffer())
            return InvalidationMessage(ByteBuffer(string: payload))
        }
        var all = Invalidation(tags: [])
        for message in told { all.add(message.invalidation) }
        #expect(all.tags.isSuperset(of: [.table("b"), .user("b:1"), .namespace("n")]))
        #expect(all.patterns == ["c:*"])
        #expect(told.map(\.sequence) == [2, 3])
    }

    @Test func everyoneIsToldOfAFailure() {
        let publisher = wire.publisher()
        wire.fails = true
        let failures = SharedCount()
        publisher.publish(Invalidation(tags: [.table("a")])) { if $0 == .lost { failures.add() } }
        publisher.publish(Invalidation(tags: [.table("b")])) { if $0 == .lost { failures.add() } }
        publisher.publish(Invalidation(tags: [.table("c")])) { if $0 == .lost { failures.add() } }
        #expect(failures.value == 1)
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(failures.value == 3)
    }

    @Test func whatRedisRefusesIsKnownUntilItTakesIt() {
        let publisher = wire.publisher()
        #expect(publisher.standing == .unknown)
        wire.refusal = "NOPERM no channel"
        let ends = SharedCount()
        publisher.publish(Invalidation(tags: [.table("a")])) { if $0 == .refused("NOPERM no channel") { ends.add() } }
        #expect(ends.value == 1 && publisher.standing == .refused("NOPERM no channel"))
        // A heartbeat goes over another channel, for which the right may be there.
        wire.refusal = nil
        _ = publisher.send(.heartbeat(origin: "me", number: 1, sequence: 1))
        #expect(publisher.standing == .refused("NOPERM no channel"))
        publisher.publish(Invalidation(tags: [.table("b")])) { if $0 == .sent { ends.add() } }
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(ends.value == 2 && publisher.standing == .open)
        wire.fails = true
        publisher.publish(Invalidation(tags: [.table("c")])) { _ in }
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(publisher.standing == .unknown)
    }

    @Test func aFarewellComesLast() throws {
        let publisher = wire.publisher()
        publisher.publish(Invalidation(tags: [.table("a")])) { _ in }
        publisher.publish(Invalidation(tags: [.table("b")])) { _ in }
        _ = publisher.send(.goodbye(origin: "me"))
        #expect(wire.sent.count == 3)
        #expect(wire.sent[1] == Self.message("b", 2))
        #expect(RedisCommandParts(wire.sent[2]).last.map { String(buffer: $0) } == "bye me")
    }
}

/// The parts of a command, read back from the protocol.
private struct RedisCommandParts {
    var last: ByteBuffer?

    init(_ command: RedisCommand) {
        var wire = command.encoded
        var decoder = RESPDecoder()
        let value = try? decoder.decode(buffer: &wire)
        last = value?.elements?.last?.bytes
    }
}
