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
        }

        private let state = Mutex(State())
        let eventLoop = ManualEventLoop()

        var sent: [RedisCommand] { state.withLock { $0.sent } }
        var fails: Bool {
            get { state.withLock { $0.fails } }
            set { state.withLock { $0.fails = newValue } }
        }

        func publisher() -> InvalidationPublisher {
            InvalidationPublisher(
                origin: "me",
                channel: "cache_invalidation",
                controlChannel: "control",
                eventLoop: eventLoop,
                window: .milliseconds(4)
            ) { commands in
                let fails = self.state.withLock { state in
                    state.sent += commands
                    return state.fails
                }
                if fails {
                    return self.eventLoop.makeFailedFuture(RedisError(code: .unavailable, message: "away"))
                }
                return self.eventLoop.makeSucceededFuture(commands.map { _ in .integer(1) })
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
        let table = Invalidation(tags: [.table("public.stock"), .anyTable])
        publisher.publish(table) {}
        #expect(wire.sent == [Self.message("public.stock", 1)])
        for _ in 0..<1000 { publisher.publish(table) {} }
        #expect(wire.sent.count == 1)
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(wire.sent == [Self.message("public.stock", 1), Self.message("public.stock", 2)])
        // A window in which nothing came ends it; the next is told at once again.
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(wire.sent.count == 2 && wire.eventLoop.timers == 0)
        publisher.publish(table) {}
        #expect(wire.sent.count == 3)
    }

    @Test func whatIsPutTogetherHoldsEverything() {
        let publisher = wire.publisher()
        publisher.publish(Invalidation(tags: [.table("a")])) {}
        publisher.publish(Invalidation(tags: [.table("b"), .user("b:1")])) {}
        publisher.publish(Invalidation(tags: [.namespace("n")], patterns: ["c:*"])) {}
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
        publisher.publish(Invalidation(tags: [.table("a")])) { failures.add() }
        publisher.publish(Invalidation(tags: [.table("b")])) { failures.add() }
        publisher.publish(Invalidation(tags: [.table("c")])) { failures.add() }
        #expect(failures.value == 1)
        wire.eventLoop.advance(by: .milliseconds(4))
        #expect(failures.value == 3)
    }

    @Test func aFarewellComesLast() throws {
        let publisher = wire.publisher()
        publisher.publish(Invalidation(tags: [.table("a")])) {}
        publisher.publish(Invalidation(tags: [.table("b")])) {}
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
